import { newId } from '@tenantry/kernel/tenancy/id'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { adminScopes, assign, create, putRole } from '../role/service.fixture.ts'
import { acquaint, codeOf, everyMember, inTenant, refusalOf } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

/** A tenant below another one, each with an owner of its own. */
async function hierarchy() {
  const above = await installation.enter({ plan: 'enterprise' })
  const below = await installation.enter({ plan: 'enterprise', parent: above.tenant })
  return { above, below }
}

describe('the permissions of a member', () => {
  test('are what custom roles give besides the role, here and from above', async () => {
    const { above, below } = await hierarchy()
    const member = await installation.createMember(above.tenant.id, 'viewer')
    await installation.addMember(below.tenant.id, member.id, 'viewer')
    const inherited = await create(above.caller, ['audit:read', 'tenant:read'], { inheritable: true })
    const notInherited = await create(above.caller, ['audit:export'])
    const own = await create(below.caller, ['usage:adjust'], { baseRole: 'member' })
    for (const { id } of [inherited, notInherited]) await assign(above.caller, member.id, id)
    await assign(below.caller, member.id, own.id)

    const permissions = ['analytics:read', 'audit:read', 'runs:write', 'usage:adjust', 'usage:write']
    expect(await below.caller.members.get({ ...inTenant, userId: member.id })).toMatchObject({ permissions })
    const listed = await everyMember(below.caller)
    expect(Object.fromEntries(listed.map(({ userId, permissions: extra }) => [userId, extra]))).toEqual({
      [above.user.id]: [],
      [below.user.id]: [],
      [member.id]: permissions,
    })
    // An admin has all of them by the role.
    const changed = below.caller.members.update({ ...inTenant, userId: member.id, role: 'admin' })
    expect(await changed).toMatchObject({ role: 'admin', permissions: [] })
  })
})

describe('custom roles from above', () => {
  test('make their holder as strong below, so that no admin there changes them', async () => {
    const { above, below } = await hierarchy()
    const strong = await installation.createMember(above.tenant.id, 'viewer')
    await installation.addMember(below.tenant.id, strong.id, 'viewer')
    const admin = await installation.createMember(below.tenant.id, 'admin')
    const steward = await installation.createMember(below.tenant.id, 'viewer')
    const role = await create(below.caller, ['members:manage', 'roles:manage', 'usage:adjust'])
    await assign(below.caller, steward.id, role.id)
    const asSteward = installation.callerAs(steward, below.tenant.id)
    const asAdmin = installation.callerAs(admin, below.tenant.id)
    const weak = await create(asSteward, ['tenant:read'])

    const change = (caller: typeof asSteward) => ({
      update: () => codeOf(caller.members.update({ ...inTenant, userId: strong.id, role: 'viewer' })),
      assign: () => codeOf(assign(caller, strong.id, weak.id)),
      take: () => codeOf(caller.userRoles.remove({ ...inTenant, userId: strong.id, roleId: weak.id })),
    })
    for (const act of Object.values(change(asSteward))) expect(await act()).toBe('ok')
    const inherited = await create(above.caller, ['audit:read'], { inheritable: true })
    await assign(above.caller, strong.id, inherited.id)
    for (const act of Object.values(change(asSteward))) expect(await act()).toBe('auth.permission_denied')
    expect(await codeOf(asSteward.members.remove({ ...inTenant, userId: strong.id }))).toBe('auth.permission_denied')

    const everything = await create(above.caller, [], { baseRole: 'admin', inheritable: true })
    await assign(above.caller, strong.id, everything.id)
    for (const act of Object.values(change(asAdmin))) expect(await act()).toBe('auth.permission_denied')
    expect(await change(below.caller).update()).toBe('ok')
  })

  test('let their holder manage, who is no member below', async () => {
    const { above, below } = await hierarchy()
    const holder = await installation.createMember(above.tenant.id, 'viewer')
    const role = await create(above.caller, ['members:manage', 'members:read'], {
      inheritable: true,
      baseRole: 'viewer',
    })
    await assign(above.caller, holder.id, role.id)
    const member = await installation.createMember(below.tenant.id, 'viewer')
    await acquaint(installation, holder, member)
    const { members } = installation.callerAs(holder, below.tenant.id)
    expect(await codeOf(members.remove({ ...inTenant, userId: member.id }))).toBe('ok')
    expect(await codeOf(members.add({ ...inTenant, userId: member.id, role: 'member' }))).toBe('auth.permission_denied')
    expect(await codeOf(members.add({ ...inTenant, userId: member.id, role: 'viewer' }))).toBe('ok')
  })
})

describe('a role that reaches the tenants below', () => {
  test('is given by nobody who holds it here only', async () => {
    const { tenant, caller } = await installation.enter({ plan: 'enterprise' })
    const second = await installation.createTenant({ plan: 'enterprise' })
    const steward = await installation.createMember(tenant.id, 'viewer')
    await assign(caller, steward.id, (await create(caller, [], { baseRole: 'admin' })).id)
    await installation.addMember(second.id, steward.id, 'viewer')
    await putRole(installation, { tenantId: second.id, userId: steward.id, baseRole: 'admin', scopes: [] })
    const [member, other] = [await installation.createMember(tenant.id, 'viewer'), await installation.createUser()]
    const { members, invitations } = installation.callerAs(steward, tenant.id)
    const email = `${newId()}@people.test`
    for (const attempt of [
      () => members.update({ ...inTenant, userId: member.id, role: 'admin' }),
      () => members.add({ ...inTenant, userId: other.id, role: 'admin' }),
      () => invitations.create({ ...inTenant, email, role: 'admin' }),
    ])
      expect(await refusalOf(attempt())).toMatchObject({
        code: 'auth.permission_denied',
        details: { missingScope: adminScopes()[0] },
      })
    const copied = { ...inTenant, toTenantId: second.id, mode: 'copy' as const, userIds: [member.id] }
    const { results } = await members.transfer({ ...copied, roleMap: { viewer: 'admin' } })
    expect(results).toMatchObject([{ outcome: 'refused', code: 'auth.permission_denied' }])
    expect(await codeOf(members.update({ ...inTenant, userId: member.id, role: 'member' }))).toBe('ok')
    expect(await codeOf(invitations.create({ ...inTenant, email, role: 'member' }))).toBe('ok')
  })
})

test('a key is asked again under the lock of a change, as people are: what let it in may be a second old', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'enterprise' })
  const maker = await installation.createMember(tenant.id, 'admin')
  const victim = await installation.createMember(tenant.id, 'viewer')
  const scopes = adminScopes()
  const made = { ...inTenant, name: 'Steward', scopes }
  const key = await installation.callerAs(maker, tenant.id).apiKeys.create(made)
  // As a process goes on that has looked before.
  const byKey = installation.callerAs({ type: 'apiKey', id: key.id, tenantId: tenant.id, scopes }, tenant.id)
  const changes = [
    () => byKey.members.update({ ...inTenant, userId: victim.id, role: 'viewer' }),
    () => create(byKey, ['audit:read']),
    () => byKey.invitations.create({ ...inTenant, email: `${newId()}@people.test`, role: 'viewer' }),
    () => byKey.members.remove({ ...inTenant, userId: victim.id }),
  ]
  for (const change of changes.slice(0, -1)) expect(await codeOf(change())).toBe('ok')
  await caller.members.update({ ...inTenant, userId: maker.id, role: 'member' })
  for (const change of changes) expect(await codeOf(change())).toBe('auth.permission_denied')
  await caller.members.remove({ ...inTenant, userId: maker.id })
  for (const change of changes) expect(await codeOf(change())).toBe('auth.permission_denied')
})
