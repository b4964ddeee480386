import { newId } from '@tenantry/kernel/tenancy/id'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { asAdmin } from '../event/service.fixture.ts'
import { assign, create } from '../role/service.fixture.ts'
import { invited, refusalOf } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const current = { tenantId: 'current' } as const
const invite = (caller: Awaited<ReturnType<typeof enter>>['caller'], roleIds: string[], role = 'viewer' as const) =>
  caller.invitations.create({ ...current, email: `${newId()}@people.test`, role, roleIds })
const enter = () => installation.enter({ plan: 'enterprise' })

/** Somebody who manages members, and holds what else is told. */
async function steward(scopes: string[], more: { inheritable?: boolean } = {}) {
  const { tenant, user: owner, caller: asOwner } = await enter()
  const user = await installation.createMember(tenant.id, 'viewer')
  const role = await create(asOwner, ['members:manage', ...scopes], more)
  await assign(asOwner, user.id, role.id)
  return { tenant, owner, asOwner, user, role, caller: installation.callerAs(user, tenant.id) }
}

describe('custom roles of an invitation', () => {
  test('are held from the moment it is accepted, and stand in the log with it', async () => {
    const { tenant, caller } = await enter()
    const role = await create(caller, ['keys:read', 'tenant:read'])
    const { user, accept } = await invited(installation, caller, { role: 'viewer', roleIds: [role.id] })
    expect(await accept()).toMatchObject({ role: 'viewer', roleIds: [role.id] })
    await expect(installation.callerAs(user, tenant.id).apiKeys.list(current)).resolves.toMatchObject({ items: [] })
    expect(await caller.members.get({ ...current, userId: user.id })).toMatchObject({ permissions: ['keys:read'] })
    const entries = (await installation.auditEntries(tenant.id)).slice(-3)
    expect(entries.map(({ action }) => action)).toEqual(['invitation.accepted', 'member.joined', 'role.assigned'])
    expect(entries[2]).toMatchObject({
      actorId: user.id,
      targetId: user.id,
      changes: { [`roles.${role.id}`]: { before: null, after: role.name } },
    })
  })

  test('are roles of the tenant itself; what is none is named', async () => {
    const { tenant, user, caller: above } = await enter()
    const inheritable = await create(above, ['tenant:read'], { inheritable: true })
    const child = await installation.createTenant({ parent: tenant, plan: 'enterprise' })
    const caller = installation.callerAs(user, child.id)
    const known = await create(caller, ['tenant:read'])
    for (const stranger of [newId(), inheritable.id]) {
      const message = 'There is no such role in this tenant.'
      expect(await refusalOf(invite(caller, [known.id, stranger]))).toMatchObject({
        code: 'request.invalid',
        details: { issues: [{ path: 'roleIds.1', message }] },
      })
      const many = [
        { email: `${newId()}@people.test`, role: 'viewer' as const, roleIds: [stranger] },
        { email: `${newId()}@people.test`, role: 'viewer' as const, roleIds: [known.id] },
      ]
      expect(await caller.invitations.create({ ...current, invitations: many })).toMatchObject({
        results: [
          { outcome: 'rejected', code: 'request.invalid', issues: [{ path: 'roleIds.0', message }] },
          { outcome: 'invited', issues: [] },
        ],
      })
    }
  })

  test('are given by who may give them to members, and hold nothing that the inviter does not', async () => {
    const denied = (missingScope: string) => ({ code: 'auth.permission_denied', details: { missingScope } })
    const without = await steward(['usage:adjust'])
    const plain = await create(without.asOwner, ['usage:adjust'])
    expect(await refusalOf(invite(without.caller, [plain.id]))).toMatchObject(denied('roles:manage'))
    const { id: invitationId } = await inviteOne(without.asOwner, [plain.id])
    for (const act of ['resend', 'revoke'] as const)
      expect(await refusalOf(without.caller.invitations[act]({ ...current, invitationId }))).toMatchObject(
        denied('roles:manage'),
      )

    const { caller, asOwner } = await steward(['roles:manage', 'usage:adjust'])
    const [mild, strong, wide] = [
      await create(asOwner, ['usage:adjust']),
      await create(asOwner, ['usage:adjust', 'audit:read']),
      await create(asOwner, ['usage:adjust'], { inheritable: true }),
    ]
    await expect(invite(caller, [mild.id])).resolves.toMatchObject({ roleIds: [mild.id] })
    expect(await refusalOf(invite(caller, [mild.id, strong.id]))).toMatchObject(denied('audit:read'))
    expect(await refusalOf(invite(caller, [wide.id]))).toMatchObject(denied('usage:adjust'))
  })

  test('are left out where they were deleted in the meantime', async () => {
    const { tenant, caller } = await enter()
    const [gone, left] = [await create(caller, ['keys:read']), await create(caller, ['audit:read'])]
    const { user, accept } = await invited(installation, caller, { role: 'viewer', roleIds: [gone.id, left.id] })
    await caller.roles.remove({ ...current, roleId: gone.id })
    expect(await accept()).toMatchObject({ roleIds: [left.id] })
    const { items } = await caller.userRoles.list({ ...current, userId: user.id })
    expect(items.map(({ id }) => id)).toEqual([left.id])
    const known = await installation.dependencies.directory.findAccess({ type: 'user', ...user, name: null }, tenant.id)
    expect(known?.scopes.has('keys:read')).toBe(false)
  })

  test('are either held or deleted, where both happen at once', async () => {
    const { caller } = await enter()
    for (let round = 0; round < 5; round++) {
      const role = await create(caller, ['keys:read'])
      const { user, accept } = await invited(installation, caller, { role: 'viewer', roleIds: [role.id] })
      const [accepted, removed] = await Promise.allSettled([
        accept(),
        caller.roles.remove({ ...current, roleId: role.id }),
      ])
      const { items } = await caller.userRoles.list({ ...current, userId: user.id })
      expect(accepted).toMatchObject({ status: 'fulfilled', value: { roleIds: items.map(({ id }) => id) } })
      expect(removed.status).toBe(items.length === 1 ? 'rejected' : 'fulfilled')
    }
  })

  test('are refused where they hold more by now than the inviter, or the inviter gives no more roles', async () => {
    const { tenant, asOwner, caller, user, role } = await steward(['roles:manage', 'usage:adjust'])
    const given = await create(asOwner, ['usage:adjust'])
    const [early, late] = [
      await invited(installation, caller, { role: 'viewer', roleIds: [given.id] }),
      await invited(installation, caller, { role: 'viewer', roleIds: [given.id] }),
    ]
    const lost = { code: 'invitation.inviter_lost_rights', status: 409 }
    await asOwner.roles.update({ ...current, roleId: given.id, scopes: ['usage:adjust', 'audit:read'] })
    expect(await refusalOf(early.accept())).toMatchObject(lost)
    await asOwner.roles.update({ ...current, roleId: given.id, scopes: ['usage:adjust'] })
    await early.accept()
    await asOwner.userRoles.remove({ ...current, userId: user.id, roleId: role.id })
    expect(await refusalOf(late.accept())).toMatchObject(lost)
    const held = 'select from tenantry.role_assignments where tenant_id = $1 and user_id = $2'
    expect(await asAdmin(installation, held, [tenant.id, late.user.id])).toBe(0)
  })

  test('are given whatever the plan has, and count as far as it does', async () => {
    const { tenant, caller } = await installation.enter({ plan: 'business' })
    const { id } = await create(caller, ['keys:read', 'audit:read'])
    const { user, accept } = await invited(installation, caller, { role: 'viewer', roleIds: [id] })
    const asOperator = installation.callerAs(operator, tenant.id)
    await asOperator.tenants.update({ ...current, plan: 'free' })
    expect(await accept()).toMatchObject({ roleIds: [id] })
    const permissions = async () => (await caller.members.get({ ...current, userId: user.id })).permissions
    expect(await permissions()).toEqual(['audit:read'])
    await asOperator.tenants.update({ ...current, plan: 'business' })
    expect(await permissions()).toEqual(['audit:read', 'keys:read'])
  })
})

test('an invitation is accepted once for its Idempotency-Key, and answered again', async () => {
  const { tenant, caller } = await enter()
  const { user, token } = await invited(installation, caller)
  const other = await invited(installation, caller)
  const withKey = (person = user) => installation.callerAs(person, undefined, { idempotencyKey: 'once' }).invitations
  const first = await withKey().accept({ token })
  const before = await installation.auditEntries(tenant.id)
  expect(await withKey().accept({ token })).toEqual(first)
  expect(await installation.auditEntries(tenant.id)).toEqual(before)
  expect(await refusalOf(withKey().accept({ token: other.token }))).toMatchObject({ code: 'idempotency.conflict' })
  expect(await refusalOf(withKey(other.user).accept({ token }))).toMatchObject({ code: 'invitation.email_mismatch' })
  const unkeyed = installation.callerAs(user).invitations.accept({ token })
  expect(await refusalOf(unkeyed)).toMatchObject({ code: 'invitation.already_accepted' })
})

async function inviteOne(caller: Parameters<typeof invite>[0], roleIds: string[]) {
  const answer = await invite(caller, roleIds)
  if ('results' in answer) throw new Error('It was answered as many')
  return answer
}
