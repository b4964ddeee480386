import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { asAdmin } from '../event/service.fixture.ts'
import { callAsNobody, invited, refusalOf } from './service.fixture.ts'

let now = new Date('2026-11-21T10:00:00Z')
let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock: { now: () => now } })
})
afterAll(() => installation.close())

const memberships = (tenantId: string, userId: string) =>
  asAdmin(installation, 'select from tenantry.memberships where tenant_id = $1 and user_id = $2', [tenantId, userId])
const pending = (id: string) =>
  asAdmin(
    installation,
    `select from tenantry.invitations where id = $1 and state = 'pending' and accepted_at is null`,
    [id],
  )
const entries = async (tenantId: string) =>
  (await installation.auditEntries(tenantId)).filter(({ action }) => action !== 'invitation.created')

test('who accepts is a member at once, everywhere it shows, and both stand in the log', async () => {
  const { tenant, caller } = await installation.enter()
  expect(await caller.tenants.info()).toMatchObject({ memberCount: 1 })
  expect((await caller.tenants.usage()).usersCount).toBe(1)
  const { user, id, accept } = await invited(installation, caller, { role: 'admin' })
  expect(await refusalOf(installation.callerAs(user, tenant.id).tenants.info())).toMatchObject({
    code: 'tenant.not_found',
  })
  expect(await accept()).toEqual({
    tenantId: tenant.id,
    slug: tenant.slug,
    tenantName: `Tenant ${tenant.slug}`,
    role: 'admin',
    roleIds: [],
    joinedAt: now.toISOString(),
  })
  expect(await installation.callerAs(user, tenant.id).tenants.info()).toMatchObject({
    userRole: 'admin',
    memberCount: 2,
  })
  expect(await caller.tenants.usage()).toMatchObject({ usersCount: 2 })
  expect(await entries(tenant.id)).toMatchObject([
    { action: 'access.denied' },
    {
      action: 'invitation.accepted',
      actorId: user.id,
      targetId: id,
      changes: { state: { before: 'pending', after: 'accepted' } },
    },
    {
      action: 'member.joined',
      actorId: user.id,
      targetId: user.id,
      changes: { role: { before: null, after: 'admin' } },
    },
  ])
})

test('an admin who was invited reaches the tenants below, as every admin does', async () => {
  const { tenant, caller } = await installation.enter()
  const child = await installation.createTenant({ parent: tenant })
  const { user, accept } = await invited(installation, caller, { role: 'admin' })
  await accept()
  expect(await installation.callerAs(user, child.id).tenants.info()).toMatchObject({ userRole: 'admin' })
})

test('a platform admin accepts as a person, and stands in both logs', async () => {
  const { tenant, caller } = await installation.enter()
  const { user, token } = await invited(installation, caller)
  const asOperator = installation.callerAs({ ...operator, ...user })
  expect(await asOperator.invitations.accept({ token })).toMatchObject({ tenantId: tenant.id })
  const concerning = (await installation.platformAuditEntries()).filter(
    ({ concernsTenantId }) => concernsTenantId === tenant.id,
  )
  expect(concerning.map(({ action }) => action)).toEqual(['invitation.accepted', 'member.joined'])
})

describe('what is refused leaves nothing behind:', () => {
  async function refusedWith(
    code: string,
    prepare: (world: Awaited<ReturnType<typeof invitation>>) => Promise<unknown>,
    role: 'member' | 'admin' = 'member',
    plan?: string,
  ) {
    const world = await invitation(role, plan)
    await prepare(world)
    const before = await entries(world.tenant.id)
    const refused = await refusalOf(world.accept())
    expect(refused).toMatchObject({ code })
    expect(await memberships(world.tenant.id, world.user.id)).toBe(0)
    expect(await entries(world.tenant.id)).toEqual(before)
    return { ...world, refused }
  }
  async function invitation(role: 'member' | 'admin', plan = 'business') {
    const entered = await installation.enter({ plan })
    return { ...entered, owner: entered.user, ...(await invited(installation, entered.caller, { role })) }
  }

  test('accepted twice', async () => {
    const { tenant, user, token, accept } = await invitation('member')
    await accept()
    expect(await refusalOf(accept())).toMatchObject({ code: 'invitation.already_accepted', status: 409 })
    const preview = callAsNobody(installation).invitations.preview({ token })
    expect(await refusalOf(preview)).toMatchObject({ code: 'invitation.already_accepted' })
    expect(await memberships(tenant.id, user.id)).toBe(1)
  })

  test('revoked', async () => {
    const { token } = await refusedWith('invitation.revoked', ({ caller, id }) =>
      caller.invitations.revoke({ tenantId: 'current', invitationId: id }),
    )
    const preview = callAsNobody(installation).invitations.preview({ token })
    expect(await refusalOf(preview)).toMatchObject({ code: 'invitation.revoked' })
  })

  test('expired', async () => {
    const { token } = await refusedWith('invitation.expired', async () => {
      now = new Date(now.getTime() + 7 * 86_400_000)
    })
    const preview = callAsNobody(installation).invitations.preview({ token })
    expect(await refusalOf(preview)).toMatchObject({ code: 'invitation.expired' })
  })

  test('in a tenant that is suspended, or below one, without saying why', async () => {
    const { id, token, refused } = await refusedWith('tenant.inactive', ({ tenant }) =>
      installation.callerAs(operator).tenants.suspend({ tenantId: tenant.id, reason: 'Invoice 2041 is unpaid.' }),
    )
    expect(refused.details).toEqual({ state: 'suspended', reason: null })
    expect(await pending(id)).toBe(1)
    const preview = callAsNobody(installation).invitations.preview({ token })
    expect(await refusalOf(preview)).toMatchObject({ code: 'tenant.inactive', details: { reason: null } })

    const parent = await installation.createTenant()
    await refusedWith('tenant.inactive', async ({ tenant }) => {
      const moved = { tenantId: tenant.id, parentId: parent.id, reason: 'They were bought' }
      await installation.callerAs(operator).tenants.move(moved)
      await installation.callerAs(operator).tenants.suspend({ tenantId: parent.id, reason: 'Unpaid' })
    })
  })

  test.each([
    ['users', 'free', 'member', 5],
    ['admins', 'starter', 'admin', 3],
  ] as const)('over the limit of %s; once there is room it is accepted', async (meter, plan, role, limit) => {
    const { tenant, id, refused, accept } = await refusedWith(
      'usage.limit_exceeded',
      async ({ tenant: { id: tenantId } }) => {
        for (let seat = 1; seat < limit; seat++) await installation.createMember(tenantId, role)
      },
      role,
      plan,
    )
    expect(refused).toMatchObject({ status: 429, details: { meter, limit, used: limit } })
    expect(await pending(id)).toBe(1)
    const leaver = `delete from tenantry.memberships where (tenant_id, id) =
      (select tenant_id, id from tenantry.memberships where tenant_id = $1 and role = $2 limit 1)`
    await asAdmin(installation, leaver, [tenant.id, role])
    expect(await accept()).toMatchObject({ role })
  })

  test('by who is a member already', async () => {
    const { tenant, user, id, accept } = await invitation('admin')
    await installation.addMember(tenant.id, user.id, 'viewer')
    expect(await refusalOf(accept())).toMatchObject({ code: 'invitation.already_member', status: 409 })
    expect(await pending(id)).toBe(1)
    expect(await installation.callerAs(user, tenant.id).tenants.info()).toMatchObject({ userRole: 'viewer' })
  })

  test('by somebody else, or with an address that is not verified', async () => {
    const { tenant, user, id, token } = await invitation('member')
    const other = await installation.createUser()
    const others = [
      { type: 'user' as const, ...other, name: null, code: 'invitation.email_mismatch' },
      { type: 'user' as const, id: user.id, email: null, name: null, code: 'invitation.email_unverified' },
    ]
    for (const { code, ...person } of others) {
      const refused = await refusalOf(installation.callerAs(person).invitations.accept({ token }))
      expect(refused).toMatchObject({ code, status: 403 })
      expect(JSON.stringify(refused) + refused.message).not.toContain(user.email)
    }
    expect(await memberships(tenant.id, other.id)).toBe(0)
    expect(await pending(id)).toBe(1)
    const shouting = { type: 'user' as const, id: user.id, email: user.email.toUpperCase(), name: null }
    expect(await installation.callerAs(shouting).invitations.accept({ token })).toMatchObject({ role: 'member' })
  })

  test('of an inviter who may no longer give that role', async () => {
    const { tenant } = await installation.enter()
    const admin = await installation.createMember(tenant.id, 'admin')
    const { id, user, accept } = await invited(installation, installation.callerAs(admin, tenant.id), { role: 'admin' })
    await asAdmin(installation, `update tenantry.memberships set role = 'member' where user_id = $1`, [admin.id])
    installation.dependencies.services.forgetAccess(tenant.id)
    expect(await refusalOf(accept())).toMatchObject({ code: 'invitation.inviter_lost_rights', status: 409 })
    expect(await memberships(tenant.id, user.id)).toBe(0)
    expect(await pending(id)).toBe(1)
  })

  test('with a token that is none, whatever it looks like', async () => {
    const { token } = await invitation('member')
    const { user } = await installation.enter()
    const answers = []
    for (const guess of [token.slice(0, -1), `${token}=`, 'x', "' or true --", 'A'.repeat(43)]) {
      answers.push(await refusalOf(callAsNobody(installation).invitations.preview({ token: guess })))
      answers.push(await refusalOf(installation.callerAs(user).invitations.accept({ token: guess })))
    }
    for (const answer of answers) expect(answer).toMatchObject({ code: 'invitation.unknown_token', status: 404 })
    expect(new Set(answers.map(({ message, details }) => JSON.stringify([message, details]))).size).toBe(1)
  })
})
