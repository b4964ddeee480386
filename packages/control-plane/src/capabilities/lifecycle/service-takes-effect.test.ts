import { setTimeout as delay } from 'node:timers/promises'
import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createInternalCaller } from '../../caller.ts'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { deafProcess, listen } from '../event/service.fixture.ts'
import { asOperator } from './service.fixture.ts'

const heartbeatMilliseconds = 600_000
const reason = 'Invoice 2041 is unpaid.'
const said = { code: 'tenant.inactive', status: 403, details: { state: 'suspended', reason } }

let installation: TestInstallation
let deaf: Dependencies
beforeAll(async () => {
  installation = await openTestInstallation({ streams: { heartbeatMilliseconds } })
  deaf = deafProcess(installation, heartbeatMilliseconds)
})
afterAll(() => installation.close())

const suspend = (tenantId: string) => asOperator(installation).tenants.suspend({ tenantId, reason })
const reactivate = (tenantId: string) => asOperator(installation).tenants.reactivate({ tenantId, reason: 'Paid' })

/** Whoever calls, in a process that hears of the suspension and in one that does not. */
async function callersOf(tenantId: string, user: { id: string; email: string }) {
  const actors = [
    { type: 'user', ...user, name: null },
    { type: 'service', name: 'billing' },
    { type: 'apiKey', id: tenantId, tenantId, scopes: ['usage:read', 'tenant:read', 'usage:write'] },
    { type: 'system', name: 'mail' },
    operator,
  ] as const
  const inProcess = (dependencies: Dependencies) =>
    actors.map((actor) => createInternalCaller(dependencies, { actor, tenantId }))
  return { hearing: inProcess(installation.dependencies), deaf: inProcess(deaf) }
}

describe('a suspension', () => {
  test('is met at once where it is heard of and within a second where not, by every principal, caches or none', async () => {
    const { tenant, user } = await installation.enter()
    const callers = await callersOf(tenant.id, user)
    for (const caller of [...callers.hearing, ...callers.deaf]) await caller.tenants.usage()

    await suspend(tenant.id)
    const suspendedAt = performance.now()
    const lastAnswered = callers.deaf.map(async (caller) => {
      for (;;) {
        const askedAt = performance.now()
        const refusal = await caller.tenants.usage().then(
          () => null,
          (error) => error,
        )
        if (refusal) return { askedAt, refusal }
        await delay(25)
      }
    })
    for (const caller of callers.hearing) await expect(caller.tenants.usage()).rejects.toMatchObject(said)
    for (const { askedAt, refusal } of await Promise.all(lastAnswered)) {
      expect(refusal).toMatchObject(said)
      expect(askedAt - suspendedAt).toBeLessThan(1_000)
    }

    await reactivate(tenant.id)
    for (const caller of callers.hearing) await caller.tenants.usage()
    for (const caller of callers.deaf) await expect.poll(() => caller.tenants.usage(), { timeout: 1_000 }).toBeTruthy()
  })

  test('while calls are under way lets none be answered that comes a second after it', async () => {
    const { tenant, user } = await installation.enter()
    const callers = await callersOf(tenant.id, user)
    let stop = false
    let answered = 0
    let lastCall = 0
    const calling = [...callers.hearing, ...callers.deaf].map(async (caller, place) => {
      for (let call = 0; !stop; call++) {
        const askedAt = performance.now()
        const event = { tenantId: tenant.id, metric: 'tokens', idempotencyKey: `${place}-${call}` }
        const answer = await (call % 2 ? caller.tenants.limits() : caller.usage.track(event)).catch(({ code }) => code)
        if (typeof answer === 'string') {
          expect(answer).toBe(said.code)
        } else {
          answered += 1
          lastCall = Math.max(lastCall, askedAt)
        }
        // Faster they would use up what they may read in a minute.
        await delay(40)
      }
    })
    await expect.poll(() => answered, { timeout: 10_000 }).toBeGreaterThan(20)
    await suspend(tenant.id)
    const suspendedAt = performance.now()
    await delay(1_500)
    stop = true
    await Promise.all(calling)
    expect(lastCall - suspendedAt).toBeLessThan(1_000)
  })

  test('ends the streams that are open within a second, long before their heartbeat, and opens none', async () => {
    const { tenant, user } = await installation.enter()
    const callers = await callersOf(tenant.id, user)
    const [owner, service] = callers.hearing
    const [deafOwner, deafService] = callers.deaf
    const streams = await Promise.all(
      [owner, service, deafOwner, deafService].flatMap((who) => (who ? [listen(who)] : [])),
    )
    expect(streams).toHaveLength(4)
    // One that has not heard yet may still tell of the suspension itself.
    const toTheEnd = async (next: () => Promise<unknown>): Promise<never> => {
      await next()
      return toTheEnd(next)
    }
    const ends = streams.map(({ next }) => expect(toTheEnd(next)).rejects.toMatchObject(said))

    await suspend(tenant.id)
    const suspendedAt = performance.now()
    await Promise.all(ends)
    expect(performance.now() - suspendedAt).toBeLessThan(1_000)
    for (const caller of [owner, deafOwner]) await expect(caller?.events.watch({})).rejects.toMatchObject(said)
  })

  test('lets no answer be replayed that an Idempotency-Key has kept, but to operators', async () => {
    const { tenant } = await installation.enter()
    const said = { tenantId: tenant.id, reason }
    const again = () => installation.callerAs(operator, tenant.id, { idempotencyKey: 'once' }).tenants.suspend(said)
    await again()
    await reactivate(tenant.id)
    // Nothing happens: the first answer comes again.
    expect(await again()).toMatchObject({ status: 'suspended', version: 2 })
    expect(await asOperator(installation).tenants.get({ tenantId: tenant.id })).toMatchObject({ status: 'active' })
  })
})

describe('below a suspended tenant', () => {
  async function family() {
    const parent = await installation.createTenant()
    const child = await installation.createTenant({ parent })
    const grandchild = await installation.createTenant({ parent: child })
    const owner = await installation.createMember(grandchild.id, 'owner')
    const callers = await callersOf(grandchild.id, owner)
    return { parent, child, grandchild, owner, callers }
  }

  test('all is refused within a second, with the ancestor named and its reason kept from them, and streams end', async () => {
    const { parent, grandchild, callers } = await family()
    for (const caller of [...callers.hearing, ...callers.deaf]) await caller.tenants.usage()
    const [hearing, deafOnes] = [callers.hearing[0], callers.deaf[0]]
    if (!hearing || !deafOnes) throw new Error('There are callers')
    const streams = await Promise.all([listen(hearing), listen(deafOnes)])
    const inherited = { ...said, details: { state: 'suspended', reason: null, ancestorId: parent.id } }
    const ends = streams.map(({ next }) => expect(next()).rejects.toMatchObject(inherited))

    await suspend(parent.id)
    for (const caller of callers.hearing) await expect(caller.tenants.usage()).rejects.toMatchObject(inherited)
    await Promise.all(ends)
    for (const caller of callers.deaf)
      await expect
        .poll(() => caller.tenants.usage().catch((error) => error), { interval: 25, timeout: 1_000 })
        .toMatchObject(inherited)
    const stopped = { status: 'active', effectiveStatus: 'suspended', inactiveAncestorId: parent.id }
    expect(await hearing.tenants.get({ tenantId: grandchild.id })).toMatchObject(stopped)
    expect(await hearing.tenants.info()).toMatchObject(stopped)
  })

  test('a member by inheritance is refused as well, and all answers again once the parent is active', async () => {
    const { parent, child, callers } = await family()
    const heir = await installation.createMember(parent.id, 'owner')
    const below = installation.callerAs(heir, child.id)
    await below.tenants.usage()
    await suspend(parent.id)
    await expect(below.tenants.usage()).rejects.toMatchObject({ details: { ancestorId: parent.id } })
    await reactivate(parent.id)
    await below.tenants.usage()
    for (const caller of callers.hearing) await caller.tenants.usage()
  })

  test('who was suspended alone stays so when the parent is suspended and reactivated', async () => {
    const { parent, child, callers } = await family()
    await suspend(child.id)
    await asOperator(installation).tenants.suspend({ tenantId: parent.id, reason: 'Fraud' })
    const inheritedFrom = async () => {
      const refused = await callers.hearing[0]?.tenants.usage().catch((error) => error)
      return refused.details.ancestorId
    }
    expect(await inheritedFrom()).toBe(parent.id)
    expect(await asOperator(installation).tenants.get({ tenantId: child.id })).toMatchObject({
      status: 'suspended',
      statusReason: reason,
    })
    await reactivate(parent.id)
    expect(await inheritedFrom()).toBe(child.id)
    await reactivate(child.id)
    await callers.hearing[0]?.tenants.usage()
  })

  test('who is reactivated below a tenant that does not act is told that it still does not', async () => {
    const { parent, child, callers } = await family()
    const { tenants } = asOperator(installation)
    await suspend(child.id)
    expect(await suspend(parent.id)).toMatchObject({ effectiveStatus: 'suspended', inactiveAncestorId: null })
    const stopped = { status: 'active', effectiveStatus: 'suspended', inactiveAncestorId: parent.id }
    for (const told of ['reactivated', 'active already']) {
      expect({ told, ...(await reactivate(child.id)) }).toMatchObject({ told, ...stopped })
    }
    expect(await tenants.update({ tenantId: child.id, name: 'Below' })).toMatchObject(stopped)
    await reactivate(parent.id)
    const acting = { status: 'active', effectiveStatus: 'active', inactiveAncestorId: null }
    expect(await tenants.get({ tenantId: child.id })).toMatchObject(acting)
    expect(await callers.hearing[0]?.tenants.info()).toMatchObject(acting)
  })

  test('a suspension that ends by itself says when to whom it refuses', async () => {
    const { tenant, caller } = await installation.enter()
    const until = new Date(Date.now() + 3_600_000).toISOString()
    await asOperator(installation).tenants.suspend({ tenantId: tenant.id, reason, until })
    await expect(caller.tenants.usage()).rejects.toMatchObject({
      message: `This tenant is suspended until ${until}.`,
      details: { state: 'suspended', reason, until },
    })
    const asOther = installation.callerAs({ type: 'service', name: 'billing' }, tenant.id)
    await expect(asOther.tenants.usage()).rejects.toMatchObject({ details: { until } })
  })
})
