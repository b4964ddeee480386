import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TenantNotFoundError } from '../../errors.ts'
import { openTestInstallation, operator, type TestInstallation, type TestTenant } from '../../testing.ts'
import { maximumLevels } from '../tenant/index.ts'
import { moveAs, placesOf } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

async function makeChain(levels: number): Promise<TestTenant[]> {
  const chain: TestTenant[] = []
  for (let level = 0; level < levels; level++) {
    const parent = chain.at(-1)
    chain.push(await installation.createTenant(parent ? { parent } : {}))
  }
  return chain
}

describe('a move', () => {
  test('takes along all below, and stands in both logs with its reason', async () => {
    const [root, middle, leaf] = (await makeChain(3)) as [TestTenant, TestTenant, TestTenant]
    const [, target] = (await makeChain(2)) as [TestTenant, TestTenant]
    const { version } = await installation.callerAs(operator).tenants.get({ tenantId: middle.id })
    const answer = await moveAs(installation, middle.slug, target.id)

    expect(answer).toEqual({ id: middle.id, parentId: target.id, version: version + 1, movedCount: 2 })
    const places = await placesOf(installation)
    const above = [...(places.get(target.id)?.path ?? []), target.id]
    expect(places.get(middle.id)).toEqual({ parentId: target.id, path: above })
    expect(places.get(leaf.id)).toEqual({ parentId: middle.id, path: [...above, middle.id] })

    const entry = {
      action: 'tenant.moved',
      actorType: 'platformAdmin',
      targetId: middle.id,
      changes: { parentId: { before: root.id, after: target.id } },
      details: { reason: 'They were bought', movedCount: 2 },
    }
    const moves = ({ action }: { action: string }) => action === 'tenant.moved'
    expect((await installation.auditEntries(middle.id)).filter(moves)).toMatchObject([entry])
    const concerning = (await installation.platformAuditEntries())
      .filter(moves)
      .filter(({ concernsTenantId }) => concernsTenantId === middle.id)
    expect(concerning).toMatchObject([entry])
    const { items } = await installation.callerAs(operator).events.list({ tenantId: middle.id })
    expect(items).toMatchObject([{ event: { type: 'tenant.updated', changed: ['parentId'], version: version + 1 } }])
  })

  test('gives and takes what is inherited at once, on every level', async () => {
    const [root, middle, leaf] = (await makeChain(3)) as [TestTenant, TestTenant, TestTenant]
    const { tenant: target, user: newOwner } = await installation.enter()
    const formerOwner = await installation.createMember(root.id, 'owner')
    const ask = (user: typeof formerOwner, { id }: TestTenant) => installation.callerAs(user, id).tenants.info()
    for (const tenant of [middle, leaf]) {
      expect(await ask(formerOwner, tenant)).toMatchObject({ userRole: 'owner' })
      await expect(ask(newOwner, tenant)).rejects.toBeInstanceOf(TenantNotFoundError)
    }
    await moveAs(installation, middle.id, target.id)
    for (const tenant of [middle, leaf]) {
      await expect(ask(formerOwner, tenant)).rejects.toBeInstanceOf(TenantNotFoundError)
      // That there is no access is remembered too, for a second at most.
      await expect
        .poll(() => ask(newOwner, tenant).catch(() => null), { timeout: 1_500 })
        .toMatchObject({ userRole: 'owner' })
    }
  })

  test('to no parent makes a root of it', async () => {
    const [, middle, leaf] = (await makeChain(3)) as [TestTenant, TestTenant, TestTenant]
    await moveAs(installation, middle.id, null)
    const places = await placesOf(installation)
    expect(places.get(middle.id)).toEqual({ parentId: null, path: [] })
    expect(places.get(leaf.id)).toEqual({ parentId: middle.id, path: [middle.id] })
  })

  test('to where it stands changes nothing and is not written down', async () => {
    const [root, child] = (await makeChain(2)) as [TestTenant, TestTenant]
    expect(await moveAs(installation, child.id, root.id)).toMatchObject({ parentId: root.id, movedCount: 0 })
    expect(await installation.auditEntries(child.id)).toMatchObject([{ action: 'platform.call' }])
  })

  test('below itself or what is below it is refused, and leaves everything as it was', async () => {
    const chain = await makeChain(3)
    const before = await placesOf(installation)
    for (const { id } of chain) {
      const answer = moveAs(installation, chain[0]?.id ?? '', id)
      await expect(answer).rejects.toMatchObject({ code: 'tenant.hierarchy_cycle', status: 409 })
    }
    expect(await placesOf(installation)).toEqual(before)
  })

  test('that would stand too deep is refused, counted from the lowest below', async () => {
    const upper = await makeChain(maximumLevels - 2)
    const [moved] = (await makeChain(3)) as [TestTenant]
    const answer = moveAs(installation, moved.id, upper.at(-1)?.id ?? '')
    await expect(answer).rejects.toMatchObject({ code: 'tenant.hierarchy_too_deep', status: 422 })
    await expect(moveAs(installation, moved.id, upper.at(-2)?.id ?? '')).resolves.toMatchObject({ movedCount: 3 })
    const [deepest] = (await makeChain(maximumLevels)).slice(-1) as [TestTenant]
    await expect(installation.createTenant({ parent: deepest })).rejects.toMatchObject({
      code: 'tenant.hierarchy_too_deep',
    })
  })

  test('below a tenant that is not there, or does not act, is refused by name', async () => {
    const tenant = await installation.createTenant()
    const going = await installation.createTenant({ status: 'deleting' })
    const suspended = await installation.createTenant({ status: 'suspended' })
    const below = await installation.createTenant({ parent: suspended })
    for (const parentId of ['00000000-0000-7000-8000-00000000dead', going.id, suspended.id, below.id]) {
      const refused = await moveAs(installation, tenant.id, parentId).catch((error) => error)
      expect(refused).toBeInstanceOf(TenantNotFoundError)
      expect(refused).toMatchObject({ status: 404, details: { issues: [{ path: 'parentId' }] } })
    }
  })

  test('is for platform admins and jobs: an owner of both tenants is refused', async () => {
    const { tenant, user } = await installation.enter()
    const target = await installation.createTenant()
    await installation.addMember(target.id, user.id, 'owner')
    const moving = { tenantId: tenant.id, parentId: target.id, reason: 'Mine' }
    await expect(installation.callerAs(user).tenants.move(moving)).rejects.toMatchObject({
      code: 'auth.permission_denied',
    })
    const job = installation.callerAs({ type: 'system', name: 'merger' })
    await expect(job.tenants.move(moving)).resolves.toMatchObject({ parentId: target.id })
  })
})

test('of moves at the same moment that together make a circle one is refused', async () => {
  for (let round = 0; round < 3; round++) {
    const ring = await Promise.all(Array.from({ length: 3 }, () => installation.createTenant()))
    const outcomes = await Promise.allSettled(
      ring.map(({ id }, index) => moveAs(installation, id, ring[(index + 1) % ring.length]?.id ?? '')),
    )
    const refusals = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
    expect(refusals).toMatchObject([{ code: 'tenant.hierarchy_cycle' }])
  }
  expectSound(await placesOf(installation))
})

test('a child that is made while its parent moves stands below the new place', async () => {
  const parent = await installation.createTenant()
  const target = await installation.createTenant()
  const [, ...children] = await Promise.all([
    moveAs(installation, parent.id, target.id),
    ...Array.from({ length: 6 }, () => installation.createTenant({ parent })),
  ])
  const places = await placesOf(installation)
  for (const { id } of children) expect(places.get(id)).toEqual({ parentId: parent.id, path: [target.id, parent.id] })
})

test('whatever is moved in whatever order, each path is the chain of parents, without circles and bounded', async () => {
  const count = 10
  const move = fc.record({
    moved: fc.nat(count - 1),
    parent: fc.option(fc.nat(count - 1), { freq: 8 }),
  })
  const tenants = await Promise.all(Array.from({ length: count }, () => installation.createTenant()))
  await fc.assert(
    fc.asyncProperty(fc.array(move, { minLength: 1, maxLength: 10 }), async (moves) => {
      let before = await placesOf(installation)
      for (const { moved, parent } of moves) {
        const [id, parentId] = [tenants[moved]?.id ?? '', parent === null ? null : (tenants[parent]?.id ?? '')]
        const path = parentId === null ? [] : [...(before.get(parentId)?.path ?? []), parentId]
        const refused = await moveAs(installation, id, parentId).then(
          () => null,
          ({ code }) => code,
        )
        // The model's word on what must be refused; how deep is told by the places afterwards.
        if (path.includes(id)) expect(refused).toBe('tenant.hierarchy_cycle')
        else expect([null, 'tenant.hierarchy_too_deep']).toContain(refused)
        const after = await placesOf(installation)
        expectSound(after)
        if (refused === null) expect(after.get(id)).toEqual({ parentId, path })
        else expect(after).toEqual(before)
        before = after
      }
    }),
    { numRuns: 10 },
  )
})

function expectSound(places: Awaited<ReturnType<typeof placesOf>>): void {
  for (const [id, { parentId, path }] of places) {
    const parent = parentId === null ? null : places.get(parentId)
    expect(path).toEqual(parent ? [...parent.path, parentId] : [])
    expect(path).not.toContain(id)
    expect(path.length).toBeLessThan(maximumLevels)
  }
}
