import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { roleScopes } from '../access/index.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const bySlug = (one: { slug: string }, other: { slug: string }) => one.slug.localeCompare(other.slug)

test('a user sees own memberships and inherited ones, each with its role and the state of the tenant', async () => {
  const { tenant, user } = await installation.enter({ role: 'admin' })
  const child = await installation.createTenant({ parent: tenant, status: 'suspended' })
  const grandchild = await installation.createTenant({ parent: child })
  const elsewhere = await installation.createTenant()
  await installation.addMember(elsewhere.id, user.id, 'viewer')
  await installation.createTenant({ parent: elsewhere })

  const answer = await installation.callerAs(user).me.get()
  expect(answer.user).toEqual({ id: user.id, email: user.email, name: null, platformAdmin: false })
  const active = { status: 'active', effectiveStatus: 'active', inactiveAncestorId: null }
  const inherited = { role: 'admin', inheritedFrom: tenant.id }
  const expected = [
    { tenant, ...active, role: 'admin', inheritedFrom: null },
    { tenant: child, status: 'suspended', effectiveStatus: 'suspended', inactiveAncestorId: null, ...inherited },
    { tenant: grandchild, status: 'active', effectiveStatus: 'suspended', inactiveAncestorId: child.id, ...inherited },
    { tenant: elsewhere, ...active, role: 'viewer', inheritedFrom: null },
  ].map(({ tenant: { id, slug }, ...membership }) => ({ tenantId: id, slug, name: `Tenant ${slug}`, ...membership }))
  const sorted = answer.memberships.toSorted(bySlug)
  expect(sorted.map(({ roles: _, ...membership }) => membership)).toEqual(expected.toSorted(bySlug))
  for (const { role, inheritedFrom, roles } of sorted) {
    const scopes = [...roleScopes[role ?? 'viewer']]
    expect(roles).toEqual([{ id: null, name: role, inheritedFrom, scopes }])
  }
})

test('a tenant that is reached twice is listed once, with the stronger role', async () => {
  const { tenant, user } = await installation.enter({ role: 'owner' })
  const child = await installation.createTenant({ parent: tenant })
  await installation.addMember(child.id, user.id, 'viewer')
  const { memberships } = await installation.callerAs(user).me.get()
  expect(memberships.filter(({ tenantId }) => tenantId === child.id)).toMatchObject([
    { role: 'owner', inheritedFrom: tenant.id },
  ])
})

test('whoever is a member of nothing has no memberships', async () => {
  const user = await installation.createUser()
  expect(await installation.callerAs(user).me.get()).toMatchObject({ user: { id: user.id }, memberships: [] })
})

test('of a tree 200 inherited memberships are told, after the direct ones, and that there are more', async () => {
  const { tenant, user } = await installation.enter({ plan: 'enterprise' })
  const elsewhere = await installation.createTenant({ slug: 'zzz-the-last-of-all' })
  await installation.addMember(elsewhere.id, user.id, 'viewer')
  const below = () => Promise.all(Array.from({ length: 50 }, () => installation.createTenant({ parent: tenant })))
  for (let round = 0; round < 4; round++) await below()
  const me = () => installation.callerAs(user).me.get()
  expect(await me()).toMatchObject({ hasMore: false, memberships: { length: 202 } })
  await installation.createTenant({ parent: tenant })
  const { hasMore, memberships } = await me()
  expect(hasMore).toBe(true)
  expect(memberships.map(({ inheritedFrom }) => inheritedFrom !== null)).toEqual([
    ...[false, false],
    ...Array.from({ length: 200 }, () => true),
  ])
})

test('a platform admin is told to be one', async () => {
  expect(await installation.callerAs(operator).me.get()).toEqual({
    user: { id: operator.id, email: operator.email, name: null, platformAdmin: true },
    memberships: [],
    hasMore: false,
  })
})

test('members are counted as users, owners and admins among them as admins', async () => {
  const { tenant, caller } = await installation.enter({ role: 'owner' })
  for (const role of ['admin', 'member', 'viewer', 'viewer'] as const) await installation.createMember(tenant.id, role)
  const { meters, usersCount } = await caller.tenants.usage()
  expect(usersCount).toBe(5)
  expect(meters.find(({ meter }) => meter === 'admins')).toMatchObject({ used: 2 })
  expect(await caller.tenants.info()).toMatchObject({ memberCount: 5 })
})
