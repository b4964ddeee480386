import { newId } from '@tenantry/kernel/tenancy/id'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import type { BaseRole } from '../access/index.ts'
import { codeOf, everyMember, inTenant, refusalOf } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

/** Two tenants in which one user has these roles. */
async function twoTenants({
  here = 'owner',
  there = 'owner',
  plan = 'business',
}: Partial<Record<'here' | 'there', BaseRole>> & { plan?: string } = {}) {
  const { tenant, user, caller } = await installation.enter({ role: here })
  const second = await installation.createTenant({ plan })
  await installation.addMember(second.id, user.id, there)
  if (here !== 'owner') await installation.createMember(tenant.id, 'owner')
  return { tenant, second, user, caller }
}

const denialsIn = async (tenantId: string) =>
  (await installation.auditEntries(tenantId)).filter(({ action }) => action === 'access.denied')

const rolesIn = async (tenantId: string) => {
  const members = await everyMember(installation.callerAs({ type: 'system', name: 'reader' }, tenantId))
  return Object.fromEntries(members.map(({ userId, role }) => [userId, role]))
}

test('a move takes members along with the role that the map gives them, and both logs show it', async () => {
  const { tenant, second, user, caller } = await twoTenants()
  const [ada, bob] = [
    await installation.createMember(tenant.id, 'admin'),
    await installation.createMember(tenant.id, 'viewer'),
  ]
  const input = { ...inTenant, toTenantId: second.slug, mode: 'move' as const, userIds: [ada.id, bob.id] }
  const { results } = await caller.members.transfer({ ...input, roleMap: { admin: 'member' } })
  expect(results).toEqual([
    { userId: ada.id, outcome: 'moved', role: 'member', code: null, message: null },
    { userId: bob.id, outcome: 'moved', role: 'viewer', code: null, message: null },
  ])
  expect(await rolesIn(tenant.id)).toEqual({ [user.id]: 'owner' })
  expect(await rolesIn(second.id)).toEqual({ [user.id]: 'owner', [ada.id]: 'member', [bob.id]: 'viewer' })

  const action = 'member.transferred'
  const details = { toTenantId: second.id, mode: 'move' }
  expect(await installation.auditEntries(tenant.id)).toMatchObject([
    { action, actorId: user.id, targetId: ada.id, changes: { role: { before: 'admin', after: null } }, details },
    { action, actorId: user.id, targetId: bob.id, changes: { role: { before: 'viewer', after: null } }, details },
  ])
  const from = { fromTenantId: tenant.id }
  expect(await installation.auditEntries(second.id)).toMatchObject([
    { action, targetId: ada.id, changes: { role: { before: null, after: 'member' } }, details: from },
    { action, targetId: bob.id, changes: { role: { before: null, after: 'viewer' } }, details: from },
  ])
  expect(await codeOf(installation.callerAs(ada, tenant.id).tenants.info())).toBe('tenant.not_found')
  expect(await installation.callerAs(ada, second.id).tenants.info()).toMatchObject({
    userRole: 'member',
    memberCount: 3,
  })
})

test('a copy leaves them where they are too, and a dry run changes nothing', async () => {
  const { tenant, second, user, caller } = await twoTenants()
  const ada = await installation.createMember(tenant.id, 'member')
  const input = { ...inTenant, toTenantId: second.id, mode: 'copy' as const, userIds: [ada.id] }
  const dry = await caller.members.transfer({ ...input, dryRun: true })
  expect(dry).toMatchObject({ dryRun: true, results: [{ outcome: 'copied', role: 'member' }] })
  expect(await rolesIn(second.id)).toEqual({ [user.id]: 'owner' })
  expect(await installation.auditEntries(second.id)).toEqual([])

  expect((await caller.members.transfer(input)).results).toEqual(dry.results)
  expect(await rolesIn(second.id)).toEqual({ [user.id]: 'owner', [ada.id]: 'member' })
  expect(await rolesIn(tenant.id)).toEqual({ [user.id]: 'owner', [ada.id]: 'member' })
  const again = await caller.members.transfer(input)
  expect(again.results).toMatchObject([{ outcome: 'refused', role: null, code: 'member.already_member' }])
})

test('each item has a result of its own, and the rules of both tenants hold', async () => {
  const parent = await installation.createTenant()
  const above = await installation.createMember(parent.id, 'admin')
  const { tenant, user, caller } = await installation.enter({ parent, role: 'admin' })
  const second = await installation.createTenant()
  await installation.addMember(second.id, user.id, 'admin')
  const [owner, admin, viewer] = [
    await installation.createMember(tenant.id, 'owner'),
    await installation.createMember(tenant.id, 'admin'),
    await installation.createMember(tenant.id, 'viewer'),
  ]
  const unknown = newId()
  const userIds = [unknown, above.id, owner.id, admin.id, viewer.id]
  const codes = async (mode: 'move' | 'copy') => {
    const input = { ...inTenant, toTenantId: second.id, mode, userIds, dryRun: true }
    return (await caller.members.transfer(input)).results.map(({ code }) => code)
  }
  const neither = ['member.not_found', 'member.inherited', 'auth.permission_denied']
  expect(await codes('move')).toEqual([...neither, 'auth.permission_denied', null])
  expect(await codes('copy')).toEqual([...neither, null, null])
})

test('the last owner stays, and the limits of the other tenant hold', async () => {
  const { tenant, second, user, caller } = await twoTenants({ plan: 'free' })
  const ada = await installation.createMember(tenant.id, 'admin')
  const viewers = []
  for (let count = 0; count < 5; count++) viewers.push(await installation.createMember(tenant.id, 'viewer'))
  const userIds = [ada, ...viewers].map(({ id }) => id)
  const input = { ...inTenant, toTenantId: second.id, mode: 'move' as const, userIds }
  const { results } = await caller.members.transfer(input)
  const full = 'usage.limit_exceeded'
  expect(results.map(({ code }) => code)).toEqual([full, null, null, null, null, full])
  const told = (meter: string, limit: number) =>
    `The other tenant has no more room for ${meter}: its limit is ${limit}, of which ${limit} are used.`
  expect([results[0]?.message, results[5]?.message]).toEqual([told('admins', 1), told('users', 5)])
  expect(Object.keys(await rolesIn(second.id))).toHaveLength(5)
  expect(Object.keys(await rolesIn(tenant.id))).toHaveLength(3)

  const elsewhere = await installation.createTenant()
  const own = { ...inTenant, toTenantId: elsewhere.id, mode: 'move' as const, userIds: [user.id] }
  const byOperator = await installation.callerAs(operator, tenant.id).members.transfer(own)
  expect(byOperator.results).toMatchObject([{ code: 'member.last_owner' }])
})

test('the caller manages both tenants, or neither is touched', async () => {
  const { tenant, second, caller } = await twoTenants({ there: 'member' })
  const ada = await installation.createMember(tenant.id, 'viewer')
  const input = { ...inTenant, mode: 'move' as const, userIds: [ada.id] }
  expect(await codeOf(caller.members.transfer({ ...input, toTenantId: second.id }))).toBe('auth.permission_denied')
  const { tenant: foreign } = await installation.enter()
  const missing = await refusalOf(caller.members.transfer({ ...input, toTenantId: newId() }))
  const hidden = await refusalOf(caller.members.transfer({ ...input, toTenantId: foreign.id }))
  expect(hidden).toMatchObject({ code: 'tenant.not_found', details: { issues: [{ path: 'toTenantId' }] } })
  expect({ ...hidden, message: hidden.message }).toEqual({ ...missing, message: missing.message })
  expect(await installation.auditEntries(foreign.id)).toMatchObject([{ action: 'access.denied' }])
  expect((await denialsIn(tenant.id)).length).toBe(3)
  expect(await codeOf(caller.members.transfer({ ...input, toTenantId: tenant.id }))).toBe('request.invalid')
  const twice = { ...input, toTenantId: second.id, userIds: [ada.id, ada.id] }
  expect(await codeOf(caller.members.transfer(twice))).toBe('request.invalid')
  const suspended = await twoTenants()
  await installation.callerAs(operator).tenants.suspend({ tenantId: suspended.second.id, reason: 'Unpaid' })
  const toSuspended = { ...input, toTenantId: suspended.second.id }
  expect(await codeOf(suspended.caller.members.transfer(toSuspended))).toBe('tenant.inactive')
})

test.each([
  { here: 'member', there: 'owner' },
  { here: 'owner', there: 'member' },
] as const)('a transfer that is denied with $here here and $there there stands in both logs', async (roles) => {
  const { tenant, second, user, caller } = await twoTenants(roles)
  const input = { ...inTenant, toTenantId: second.slug, mode: 'copy' as const, userIds: [user.id] }
  expect(await codeOf(caller.members.transfer(input))).toBe('auth.permission_denied')
  for (const { id } of [tenant, second])
    expect(await denialsIn(id)).toMatchObject([
      { actorId: user.id, details: { operation: 'members.transfer', code: 'auth.permission_denied' } },
    ])
})

test('transfers to and fro at once neither wait for each other for ever nor lose anybody', async () => {
  const { tenant, second, user, caller } = await twoTenants()
  const people = []
  for (let count = 0; count < 6; count++) people.push(await installation.createMember(tenant.id, 'viewer'))
  const there = installation.callerAs(user, second.id)
  const userIds = people.map(({ id }) => id)
  const rounds = Array.from({ length: 4 }, () => [
    caller.members.transfer({ ...inTenant, toTenantId: second.id, mode: 'move', userIds }),
    there.members.transfer({ ...inTenant, toTenantId: tenant.id, mode: 'move', userIds }),
  ])
  await Promise.all(rounds.flat())
  const places = [await rolesIn(tenant.id), await rolesIn(second.id)]
  for (const { id } of people) expect(places.filter((roles) => id in roles)).toHaveLength(1)
})
