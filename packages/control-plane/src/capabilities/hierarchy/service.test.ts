import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TenantNotFoundError } from '../../errors.ts'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const idsOf = ({ items }: { items: { id: string }[] }) => items.map(({ id }) => id)

/** root → left → leaf, root → right. */
async function makeFamily() {
  const { tenant: root, user: owner } = await installation.enter()
  const left = await installation.createTenant({ parent: root })
  const right = await installation.createTenant({ parent: root })
  const leaf = await installation.createTenant({ parent: left })
  return { root, left, right, leaf, owner }
}

describe('children', () => {
  test('are shown to who has an inheritable role here or above, page by page, the newest first', async () => {
    const { root, left, right, leaf, owner } = await makeFamily()
    for (const caller of [owner, operator]) {
      const { tenants } = installation.callerAs(caller)
      const first = await tenants.children({ tenantId: root.id, limit: 1 })
      expect(first.items).toMatchObject([{ id: right.id, parentId: root.id, hasChildren: false, status: 'active' }])
      const second = await tenants.children({ tenantId: root.id, limit: 1, cursor: first.nextCursor ?? '' })
      expect(second).toMatchObject({ items: [{ id: left.id, hasChildren: true }], nextCursor: null })
      expect(idsOf(await tenants.children({ tenantId: left.id }))).toEqual([leaf.id])
    }
  })

  test('are not shown by a role that is not inherited, but for those one is a member of', async () => {
    const { root, left, right } = await makeFamily()
    const viewer = await installation.createMember(root.id, 'viewer')
    const list = async () => idsOf(await installation.callerAs(viewer).tenants.children({ tenantId: root.id }))
    expect(await list()).toEqual([])
    await installation.addMember(right.id, viewer.id, 'viewer')
    expect(await list()).toEqual([right.id])
    await expect(installation.callerAs(viewer).tenants.children({ tenantId: left.id })).rejects.toBeInstanceOf(
      TenantNotFoundError,
    )
  })

  test('do not include what was purged', async () => {
    const { root, owner } = await makeFamily()
    const gone = await installation.createTenant({ parent: root, status: 'purged' })
    expect(idsOf(await installation.callerAs(owner).tenants.children({ tenantId: root.id }))).not.toContain(gone.id)
  })
})

describe('a tree', () => {
  test('holds the tenant and all below it, level by level', async () => {
    const { root, left, right, leaf, owner } = await makeFamily()
    const { items, truncated } = await installation.callerAs(owner).tenants.tree({ tenantId: root.slug })
    expect(truncated).toBe(false)
    const sisters = [left, right].toSorted((one, other) => (one.slug < other.slug ? -1 : 1))
    expect(items.map(({ id, parentId, depth }) => ({ id, parentId, depth }))).toEqual([
      { id: root.id, parentId: null, depth: 0 },
      ...sisters.map(({ id }) => ({ id, parentId: root.id, depth: 1 })),
      { id: leaf.id, parentId: left.id, depth: 2 },
    ])
    expect(idsOf(await installation.callerAs(operator).tenants.tree({ tenantId: root.id }))).toEqual(idsOf({ items }))
  })

  test('is as deep as is asked for, and begins where it is asked for', async () => {
    const { root, left, leaf, owner } = await makeFamily()
    const { tenants } = installation.callerAs(owner)
    expect((await tenants.tree({ tenantId: root.id, depth: 1 })).items.map(({ depth }) => depth)).toEqual([0, 1, 1])
    expect((await tenants.tree({ tenantId: left.id })).items).toMatchObject([
      { id: left.id, depth: 0 },
      { id: leaf.id, depth: 1 },
    ])
  })

  test('shows a member of a child neither its parent nor its sisters, and a viewer above none below', async () => {
    const { root, left, right, leaf } = await makeFamily()
    const below = await installation.createMember(left.id, 'owner')
    const { tenants } = installation.callerAs(below)
    expect(idsOf(await tenants.tree({ tenantId: left.id }))).toEqual([left.id, leaf.id])
    for (const { id } of [root, right]) {
      await expect(tenants.tree({ tenantId: id })).rejects.toBeInstanceOf(TenantNotFoundError)
      await expect(tenants.get({ tenantId: id })).rejects.toBeInstanceOf(TenantNotFoundError)
    }
    const viewer = await installation.createMember(root.id, 'viewer')
    expect(idsOf(await installation.callerAs(viewer).tenants.tree({ tenantId: root.id }))).toEqual([root.id])
  })
})

describe('an inherited role', () => {
  test.each(['owner', 'admin'] as const)('of an %s holds on every level below', async (role) => {
    const { root, left, leaf } = await makeFamily()
    const user = await installation.createMember(root.id, role)
    for (const { id } of [left, leaf]) {
      expect(await installation.callerAs(user, id).tenants.info()).toMatchObject({ id, userRole: role })
    }
    const { memberships } = await installation.callerAs(user).me.get()
    expect(memberships).toContainEqual(expect.objectContaining({ tenantId: leaf.id, role, inheritedFrom: root.id }))
  })

  test.each(['member', 'viewer'] as const)('is none of a %s, who is one of that tenant only', async (role) => {
    const { root, left } = await makeFamily()
    const user = await installation.createMember(root.id, role)
    await expect(installation.callerAs(user, left.id).tenants.info()).rejects.toBeInstanceOf(TenantNotFoundError)
    expect((await installation.callerAs(user).me.get()).memberships).toHaveLength(1)
  })

  test('of two ancestors is the stronger one, whichever is nearer', async () => {
    const { root, left, leaf } = await makeFamily()
    const roleIn = async (far: 'owner' | 'admin', near: 'owner' | 'admin') => {
      const user = await installation.createMember(root.id, far)
      await installation.addMember(left.id, user.id, near)
      const { memberships } = await installation.callerAs(user).me.get()
      const { role, inheritedFrom } = memberships.find(({ tenantId }) => tenantId === leaf.id) ?? {}
      return { role, inheritedFrom }
    }
    expect(await roleIn('owner', 'admin')).toEqual({ role: 'owner', inheritedFrom: root.id })
    expect(await roleIn('admin', 'owner')).toEqual({ role: 'owner', inheritedFrom: left.id })
  })
})

describe('usage of a subtree', () => {
  const track = (tenantId: string, metric: string, amount: number) =>
    installation
      .callerAs({ type: 'service', name: 'meter' }, tenantId)
      .usage.track({ tenantId: 'current', metric, amount })
  const usedOf = ({ meters }: { meters: { meter: string; used: number }[] }) =>
    Object.fromEntries(meters.map(({ meter, used }) => [meter, used]))

  test('is the sum over all tenants of it and no other, and counts people once', async () => {
    const { root, left, right, leaf, owner } = await makeFamily()
    const { tenant: stranger } = await installation.enter()
    for (const [{ id }, tokens, storage] of [
      [root, 1, 10],
      [left, 20, 200],
      [leaf, 300, 3_000],
      [stranger, 4_000, 40_000],
    ] as const) {
      await track(id, 'tokens', tokens)
      await track(id, 'storage', storage)
    }
    await installation.addMember(left.id, owner.id, 'viewer')
    const member = await installation.createMember(left.id, 'member')
    await installation.addMember(right.id, member.id, 'admin')

    for (const caller of [owner, operator]) {
      const usage = await installation.callerAs(caller).tenants.subtreeUsage({ tenantId: root.id })
      expect(usage).toMatchObject({ tenantCount: 4, memberCount: 2 })
      expect(usedOf(usage)).toMatchObject({ tokens: 321, storage: 3_210, users: 2, admins: 2, api_calls: 0 })
    }
    const below = await installation.callerAs(owner).tenants.subtreeUsage({ tenantId: left.id })
    expect(below).toMatchObject({ tenantCount: 2, memberCount: 2 })
    expect(usedOf(below)).toMatchObject({ tokens: 320, users: 2, admins: 0 })
  })

  test('counts what happened on the given days, in the month under way unless told', async () => {
    const { tenant, user } = await installation.enter()
    const now = installation.dependencies.clock.now()
    const sum = (input: object = {}) =>
      installation.callerAs(user).tenants.subtreeUsage({ tenantId: tenant.id, ...input })
    await track(tenant.id, 'tokens', 5)
    const today = now.toISOString().slice(0, 10)
    expect(usedOf(await sum({ from: today, to: today }))).toMatchObject({ tokens: 5 })
    expect(usedOf(await sum({ from: '2020-01-01', to: '2020-01-31' }))).toMatchObject({ tokens: 0 })
    const lastDay = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 0)).toISOString().slice(0, 10)
    expect(await sum()).toMatchObject({ from: `${today.slice(0, 7)}-01`, to: lastDay })
    await expect(sum({ from: '2020-02-01', to: '2020-01-31' })).rejects.toMatchObject({
      details: { issues: [{ path: 'to' }] },
    })
  })

  test('is refused where the role ends at the tenant, and both logs show it', async () => {
    const { root } = await makeFamily()
    const viewer = await installation.createMember(root.id, 'viewer')
    for (const caller of [viewer, { type: 'service', name: 'billing' } as const]) {
      const refused = installation.callerAs(caller).tenants.subtreeUsage({ tenantId: root.id })
      await expect(refused).rejects.toMatchObject({ code: 'auth.permission_denied' })
    }
    expect(await installation.auditEntries(root.id)).toMatchObject([
      { action: 'access.denied', details: { operation: 'tenants.subtreeUsage' } },
      { action: 'access.denied', details: { operation: 'tenants.subtreeUsage' } },
    ])
  })
})

test('a job sees all below a tenant; keys and services are refused by name instead of shown a part', async () => {
  const tenant = await installation.createTenant()
  const child = await installation.createTenant({ parent: tenant })
  const input = { tenantId: tenant.id }
  const job = installation.callerAs({ type: 'system', name: 'report' }).tenants
  expect((await job.children(input)).items).toMatchObject([{ id: child.id }])
  expect((await job.tree(input)).items).toMatchObject([{ id: tenant.id }, { id: child.id }])
  expect(await job.subtreeUsage(input)).toMatchObject({ tenantCount: 2 })
  const key = { type: 'apiKey', id: tenant.id, tenantId: tenant.id, scopes: ['tenant:read'] } as const
  for (const actor of [key, { type: 'service', name: 'shop' } as const]) {
    const { children, tree } = installation.callerAs(actor, tenant.id).tenants
    for (const ask of [children, tree])
      await expect(ask(input)).rejects.toMatchObject({
        code: 'auth.permission_denied',
        message: expect.stringContaining('services'),
      })
  }
})
