import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { assign, create } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const current = { tenantId: 'current' }
const refused = { code: 'auth.permission_denied' }

describe('nobody', () => {
  /** Somebody who may make roles and give them out, and little else. */
  async function steward(scopes: string[] = [], more: { inheritable?: boolean } = {}) {
    const { tenant, caller: owner } = await installation.enter()
    const user = await installation.createMember(tenant.id, 'viewer')
    const role = await create(owner, ['roles:manage', ...scopes], more)
    await assign(owner, user.id, role.id)
    const viewer = await installation.createMember(tenant.id, 'viewer')
    return { tenant, owner, user, viewer, role, caller: installation.callerAs(user, tenant.id) }
  }

  test('makes a role of what they do not hold, by its scopes or by its base role', async () => {
    const { caller } = await steward(['usage:adjust'])
    await expect(create(caller, ['usage:adjust', 'audit:read'])).rejects.toMatchObject({
      ...refused,
      details: { missingScope: 'audit:read' },
    })
    await expect(create(caller, [], { baseRole: 'member' })).rejects.toMatchObject(refused)
    await expect(create(caller, ['usage:adjust'], { baseRole: 'viewer' })).resolves.toMatchObject({ version: 1 })
  })

  test('makes one so by changing it', async () => {
    const { caller } = await steward()
    const { id: roleId } = await create(caller, ['tenant:read'])
    for (const change of [{ scopes: ['audit:read'] }, { baseRole: 'admin' as const }]) {
      await expect(caller.roles.update({ ...current, roleId, ...change })).rejects.toMatchObject(refused)
    }
  })

  test('gives out what they do not hold, nor puts it in the place of another', async () => {
    const { owner, caller, viewer } = await steward()
    const strong = await create(owner, ['finance:manage'])
    await expect(assign(caller, viewer.id, strong.id)).rejects.toMatchObject(refused)
    const weak = await create(caller, ['tenant:read'])
    await assign(caller, viewer.id, weak.id)
    const replaced = caller.roles.remove({ ...current, roleId: weak.id, reassignTo: strong.id })
    await expect(replaced).rejects.toMatchObject(refused)
  })

  test('changes a role that is as strong as they are, unless they are an owner', async () => {
    const { owner, caller, role } = await steward()
    const change = { ...current, roleId: role.id, name: 'Changed' }
    await expect(caller.roles.update(change)).rejects.toMatchObject(refused)
    await expect(caller.roles.remove({ ...current, roleId: role.id, reassignTo: 'none' })).rejects.toMatchObject(
      refused,
    )
    await expect(owner.roles.update(change)).resolves.toMatchObject({ name: 'Changed' })
  })

  test('changes what somebody holds who holds as much as they do', async () => {
    const { tenant, caller, user } = await steward()
    const role = await create(caller, ['tenant:read'])
    const admin = await installation.createMember(tenant.id, 'admin')
    for (const { id } of [admin, user]) await expect(assign(caller, id, role.id)).rejects.toMatchObject(refused)
    const asAdmin = installation.callerAs(admin, tenant.id)
    await assign(asAdmin, user.id, role.id)
    // The role itself is weak, and yet whoever holds it is not.
    await expect(caller.roles.update({ ...current, roleId: role.id, scopes: [] })).rejects.toMatchObject(refused)
    const taken = caller.userRoles.remove({ ...current, userId: user.id, roleId: role.id })
    await expect(taken).rejects.toMatchObject(refused)
  })

  test('grants below what they hold above only', async () => {
    const { caller, viewer } = await steward(['audit:read'])
    const below = create(caller, ['audit:read'], { inheritable: true })
    await expect(below).rejects.toMatchObject({ ...refused, details: { missingScope: 'audit:read' } })
    const { id: roleId } = await create(caller, ['audit:read'])
    await assign(caller, viewer.id, roleId)
    await expect(caller.roles.update({ ...current, roleId, inheritable: true })).rejects.toMatchObject(refused)

    const wide = await steward(['audit:read'], { inheritable: true })
    await expect(create(wide.caller, ['audit:read'], { inheritable: true })).resolves.toMatchObject({
      inheritable: true,
    })
  })

  test('waits for a plan to grant what they do not hold', async () => {
    const { tenant, caller: owner } = await installation.enter({ plan: 'starter' })
    const user = await installation.createMember(tenant.id, 'viewer')
    await assign(owner, user.id, (await create(owner, ['roles:manage'])).id)
    // The plan's features decide what counts, and not what may be granted.
    await installation.callerAs(operator, tenant.id).tenants.update({ ...current, plan: 'free' })
    await expect(create(installation.callerAs(user, tenant.id), ['analytics:read'])).rejects.toMatchObject({
      ...refused,
      details: { missingScope: 'analytics:read' },
    })
  })
})
