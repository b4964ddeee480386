import { newId } from '@tenantry/kernel/tenancy/id'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { assign, create } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const current = { tenantId: 'current' }
const made = { baseRole: 'viewer', scopes: ['usage:adjust', 'audit:read'], inheritable: true } as const

describe('a custom role', () => {
  test('is made, listed with how many hold it, changed and deleted, each with its audit entry', async () => {
    const { tenant, user, caller } = await installation.enter()
    const role = await caller.roles.create({
      ...current,
      ...made,
      name: 'Billing',
      description: 'Looks after usage',
      scopes: [...made.scopes],
    })
    expect(role).toMatchObject({ ...made, name: 'Billing', description: 'Looks after usage', version: 1 })
    const other = await create(caller)
    const member = await installation.createMember(tenant.id, 'member')
    await assign(caller, member.id, role.id)
    const { items } = await caller.roles.list(current)
    expect(items.map(({ id, memberCount }) => ({ id, memberCount }))).toEqual([
      { id: other.id, memberCount: 0 },
      { id: role.id, memberCount: 1 },
    ])

    const changed = await caller.roles.update({
      ...current,
      roleId: role.id,
      scopes: ['audit:read'],
      description: null,
      expectedVersion: 1,
    })
    expect(changed).toMatchObject({ name: 'Billing', description: null, scopes: ['audit:read'], version: 2 })
    await caller.roles.remove({ ...current, roleId: other.id })

    const target = { type: 'role', id: role.id }
    expect(await installation.auditEntries(tenant.id)).toMatchObject([
      {
        action: 'role.created',
        actorId: user.id,
        targetType: target.type,
        targetId: target.id,
        changes: { name: { before: null, after: 'Billing' }, scopes: { before: null, after: made.scopes } },
      },
      { action: 'role.created', targetId: other.id },
      {
        action: 'role.assigned',
        targetId: member.id,
        changes: { [`roles.${role.id}`]: { before: null, after: 'Billing' } },
      },
      {
        action: 'role.updated',
        targetId: role.id,
        changes: {
          description: { before: 'Looks after usage', after: null },
          scopes: { before: made.scopes, after: ['audit:read'] },
        },
      },
      { action: 'role.deleted', targetId: other.id, changes: { inheritable: { before: false, after: null } } },
    ])
  })

  test('is changed by nobody who read an older version', async () => {
    const { caller } = await installation.enter()
    const { id: roleId } = await create(caller)
    await caller.roles.update({ ...current, roleId, name: 'Changed', expectedVersion: 1 })
    const stale = caller.roles.update({ ...current, roleId, name: 'Changed again', expectedVersion: 1 })
    await expect(stale).rejects.toMatchObject({ code: 'role.concurrent_update', details: { currentVersion: 2 } })
  })

  test('that is told what it is already stays at its version, without an audit entry', async () => {
    const { tenant, caller } = await installation.enter()
    const role = await create(caller)
    const same = await caller.roles.update({ ...current, roleId: role.id, name: role.name, scopes: role.scopes })
    expect(same).toEqual(role)
    expect(await installation.auditEntries(tenant.id)).toHaveLength(1)
  })

  test('has a name of its own in the tenant, in any letter case', async () => {
    const { caller } = await installation.enter()
    const elsewhere = (await installation.enter()).caller
    await create(caller, [], { name: 'Auditor' })
    const { id: roleId } = await create(caller)
    const taken = { code: 'role.name_taken', details: { issues: [{ path: 'name' }] } }
    await expect(create(caller, [], { name: 'AUDITOR' })).rejects.toMatchObject(taken)
    await expect(caller.roles.update({ ...current, roleId, name: 'auditor' })).rejects.toMatchObject(taken)
    await expect(create(elsewhere, [], { name: 'Auditor' })).resolves.toMatchObject({ name: 'Auditor' })
  })

  test('holds only scopes that there are, and never the ownership', async () => {
    const { caller } = await installation.enter()
    const { id: roleId } = await create(caller)
    for (const scopes of [['tenant:reed'], ['tenant:own']]) {
      const invalid = { code: 'request.invalid', details: { issues: [{ path: 'scopes.0' }] } }
      await expect(create(caller, scopes)).rejects.toMatchObject(invalid)
      await expect(caller.roles.update({ ...current, roleId, scopes })).rejects.toMatchObject(invalid)
    }
  })

  test('is listed page by page', async () => {
    const { caller } = await installation.enter()
    for (let count = 0; count < 3; count++) await create(caller)
    const first = await caller.roles.list({ ...current, limit: 2 })
    const rest = await caller.roles.list({ ...current, limit: 2, cursor: first.nextCursor ?? undefined })
    expect([first.items.length, rest.items.length, rest.nextCursor]).toEqual([2, 1, null])
    expect(new Set([...first.items, ...rest.items].map(({ id }) => id)).size).toBe(3)
  })
})

describe('the plan', () => {
  test('says how many roles there may be, also when two are made at once', async () => {
    const { caller } = await installation.enter({ plan: 'starter' })
    const tries = await Promise.allSettled(Array.from({ length: 6 }, () => create(caller)))
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
    for (const one of tries.filter((tried) => tried.status === 'rejected')) {
      const details = { meter: 'custom_roles', limit: 2, used: 2 }
      expect(one.reason).toMatchObject({ code: 'usage.limit_exceeded', details })
    }
    const [{ id: roleId } = { id: '' }] = (await caller.roles.list(current)).items
    await caller.roles.remove({ ...current, roleId })
    await expect(create(caller)).resolves.toMatchObject({ version: 1 })
  })

  test('counts them as they come and go', async () => {
    const { tenant, caller } = await installation.enter()
    const child = await installation.enter({ parent: tenant })
    const used = async () => (await caller.tenants.usage()).meters.find(({ meter }) => meter === 'custom_roles')?.used
    expect(await used()).toBe(0)
    const { id: roleId } = await create(caller)
    await create(child.caller)
    expect(await used()).toBe(1)
    const subtree = await caller.tenants.subtreeUsage(current)
    expect(subtree.meters.find(({ meter }) => meter === 'custom_roles')).toMatchObject({ used: 2 })
    await caller.roles.remove({ ...current, roleId })
    expect(await used()).toBe(0)
  })

  test('gates scopes: what needs a feature that it lacks is held and does not count', async () => {
    const { tenant, user, caller } = await installation.enter({ plan: 'free' })
    const { items } = await caller.roles.scopes(current)
    expect(items.find(({ scope }) => scope === 'keys:manage')).toEqual({
      scope: 'keys:manage',
      description: expect.any(String),
      feature: 'api_access',
      available: false,
      baseRoles: ['owner', 'admin'],
    })
    await expect(caller.apiKeys.list(current)).rejects.toMatchObject({
      code: 'auth.permission_denied',
      details: { missingScope: 'keys:read', requiresFeature: 'api_access' },
    })
    expect(await caller.access.check({ ...current, permission: 'analytics:read' })).toMatchObject({
      allowed: false,
      reasons: [{ missingScope: 'analytics:read', requiresFeature: 'analytics' }],
    })
    const { steps } = await caller.access.explain({ ...current, permission: 'analytics:read' })
    expect(steps.find(({ step }) => step === 'scope')).toMatchObject({
      outcome: 'failed',
      detail: expect.stringContaining('counts only with the feature analytics, which the plan free does not have'),
      wouldChange: 'One of the plans that have it: starter, professional, business, enterprise.',
    })
    const me = await installation.callerAs(user).me.get({})
    const told = me.memberships.find(({ tenantId }) => tenantId === tenant.id)?.roles.flatMap(({ scopes }) => scopes)
    expect(told).toContain('tenant:own')
    expect(told).not.toContain('analytics:read')
  })
})

describe('a role that members hold', () => {
  async function held() {
    const { tenant, caller } = await installation.enter()
    const role = await create(caller, ['usage:adjust'])
    const members = await Promise.all([1, 2].map(() => installation.createMember(tenant.id, 'viewer')))
    for (const { id } of members) await assign(caller, id, role.id)
    const rolesOf = async (userId: string) =>
      (await caller.userRoles.list({ ...current, userId })).items.map(({ id }) => id)
    return { tenant, caller, role, members, rolesOf }
  }

  test('is deleted only where it is said what they get instead', async () => {
    const { caller, role } = await held()
    await expect(caller.roles.remove({ ...current, roleId: role.id })).rejects.toMatchObject({
      code: 'role.assigned',
      details: { used: 2 },
    })
    for (const reassignTo of [newId(), role.id]) {
      const code = reassignTo === role.id ? 'request.invalid' : 'role.not_found'
      await expect(caller.roles.remove({ ...current, roleId: role.id, reassignTo })).rejects.toMatchObject({ code })
    }
    expect((await caller.roles.list(current)).items).toMatchObject([{ id: role.id, memberCount: 2 }])
  })

  test('passes them on to another', async () => {
    const { caller, role, members, rolesOf } = await held()
    const other = await create(caller, ['audit:read'])
    const [first, second] = members.map(({ id }) => id)
    // Who has the other one already keeps it.
    await assign(caller, first ?? '', other.id)
    const removed = await caller.roles.remove({ ...current, roleId: role.id, reassignTo: other.id })
    expect(removed).toEqual({ id: role.id, reassignedCount: 2, holderCount: 2 })
    for (const userId of [first, second]) expect(await rolesOf(userId ?? '')).toEqual([other.id])
  })

  test('goes without another where that is said', async () => {
    const { caller, role, members, rolesOf } = await held()
    const lost = await caller.roles.remove({ ...current, roleId: role.id, reassignTo: 'none' })
    expect(lost).toEqual({ id: role.id, reassignedCount: 0, holderCount: 2 })
    for (const { id } of members) expect(await rolesOf(id)).toEqual([])
  })

  test('is taken from one of them, once', async () => {
    const { tenant, caller, role, members, rolesOf } = await held()
    const [{ id: userId } = { id: '' }] = members
    const taken = { ...current, userId, roleId: role.id }
    await caller.userRoles.remove(taken)
    expect(await rolesOf(userId)).toEqual([])
    await expect(caller.userRoles.remove(taken)).rejects.toMatchObject({ code: 'role.not_found' })
    expect(
      (await installation.auditEntries(tenant.id)).filter(({ action }) => action === 'role.unassigned'),
    ).toMatchObject([{ targetId: userId, changes: { [`roles.${role.id}`]: { before: role.name, after: null } } }])
  })

  test('is given a second time without being held twice, nor written down twice', async () => {
    const { tenant, caller, role, members } = await held()
    const before = await installation.auditEntries(tenant.id)
    await assign(caller, members[0]?.id ?? '', role.id)
    expect(await installation.auditEntries(tenant.id)).toHaveLength(before.length)
  })

  test('is held by members of the tenant itself only', async () => {
    const { caller, role } = await held()
    const stranger = await installation.createUser()
    const refused = { code: 'role.no_member' }
    await expect(assign(caller, stranger.id, role.id)).rejects.toMatchObject(refused)
    await expect(caller.userRoles.list({ ...current, userId: stranger.id })).rejects.toMatchObject(refused)
  })
})

test('is not called like a base role, in any letter case, and names all that the caller does not hold', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'business' })
  for (const name of ['owner', 'Admin', ' VIEWER ']) {
    const refused = caller.roles.create({ ...current, name, scopes: ['usage:read'] })
    await expect(refused).rejects.toMatchObject({ code: 'request.invalid', details: { issues: [{ path: 'name' }] } })
  }
  const admin = installation.callerAs(await installation.createMember(tenant.id, 'admin'), tenant.id)
  const { id: roleId } = await caller.roles.create({ ...current, name: 'Ownership', scopes: ['usage:read'] })
  await expect(admin.roles.update({ ...current, roleId, name: 'Owner' })).rejects.toMatchObject({
    code: 'request.invalid',
  })
  const keeper = await installation.createMember(tenant.id, 'viewer')
  const { id } = await caller.roles.create({ ...current, name: 'Keeper', scopes: ['roles:manage'] })
  await caller.userRoles.add({ ...current, userId: keeper.id, roleId: id })
  const asKeeper = installation.callerAs(keeper, tenant.id)
  const beyond = asKeeper.roles.create({ ...current, name: 'Beyond', scopes: ['settings:write', 'members:manage'] })
  await expect(beyond).rejects.toMatchObject({
    code: 'auth.permission_denied',
    details: { missingScope: 'members:manage', missingScopes: ['members:manage', 'settings:write'] },
  })
})
