import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { callByKey } from '../api-key/service.fixture.ts'
import { create } from '../role/service.fixture.ts'
import { asOperator } from '../user/service.fixture.ts'
import { invite, invited, refusalOf, tokenTo } from './service.fixture.ts'

const current = { tenantId: 'current' } as const
const day = 86_400_000
let now = new Date('2026-11-21T10:00:00Z')
let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock: { now: () => now } })
})
afterAll(() => installation.close())

const viewing = ['tenant:read', 'members:read', 'roles:read', 'usage:read', 'settings:read']
const keyScopes = [...viewing, 'notifications:read', 'health:read', 'members:manage', 'roles:manage', 'audit:export']

/** An admin with a key, and what the key invites to: a role that holds more than a viewer. */
async function keyHolder() {
  const { tenant, caller } = await installation.enter({ plan: 'enterprise' })
  const maker = await installation.createMember(tenant.id, 'admin')
  const asMaker = installation.callerAs(maker, tenant.id)
  const expiresAt = new Date(now.getTime() + 3 * day).toISOString()
  const key = await asMaker.apiKeys.create({ ...current, name: 'Inviter', scopes: keyScopes, expiresAt })
  const role = await create(caller, ['audit:export'])
  const byKey = callByKey(installation.dependencies, key.key)
  const guest = await invited(installation, byKey, { role: 'viewer', roleIds: [role.id] })
  return { tenant, caller, maker, asMaker, key, role, byKey, guest }
}

describe('an invitation that was written with an API key is accepted only while', () => {
  const lost = { code: 'invitation.inviter_lost_rights', status: 409 }

  test('all is as it was', async () => {
    const { guest, role } = await keyHolder()
    expect(await guest.accept()).toMatchObject({ role: 'viewer', roleIds: [role.id] })
  })

  test('the key is not revoked', async () => {
    const { caller, key, guest } = await keyHolder()
    await caller.apiKeys.remove({ ...current, apiKeyId: key.id })
    expect(await refusalOf(guest.accept())).toMatchObject(lost)
  })

  test('the key has not expired', async () => {
    const { guest } = await keyHolder()
    now = new Date(now.getTime() + 4 * day)
    expect(await refusalOf(guest.accept())).toMatchObject(lost)
  })

  test('whoever made the key is a member', async () => {
    const { caller, maker, guest } = await keyHolder()
    await caller.members.remove({ ...current, userId: maker.id })
    expect(await refusalOf(guest.accept())).toMatchObject(lost)
  })

  test('whoever made the key holds what it gives', async () => {
    const { caller, maker, guest } = await keyHolder()
    await caller.members.update({ ...current, userId: maker.id, role: 'member' })
    expect(await refusalOf(guest.accept())).toMatchObject(lost)
  })

  test('whoever made the key may sign in', async () => {
    const { maker, guest } = await keyHolder()
    await asOperator(installation).deactivate({ userId: maker.id, reason: 'Left the company' })
    expect(await refusalOf(guest.accept())).toMatchObject(lost)
  })

  test('the key holds what it gives: sending on the invitation of a person makes it no better', async () => {
    const { caller, maker, asMaker, role, byKey } = await keyHolder()
    const user = await installation.createUser()
    const { id } = await invite(asMaker, user.email, 'viewer', { roleIds: [role.id] })
    await byKey.invitations.resend({ ...current, invitationId: id })
    await caller.members.update({ ...current, userId: maker.id, role: 'member' })
    const token = await tokenTo(installation, user.email)
    expect(await refusalOf(installation.callerAs(user).invitations.accept({ token }))).toMatchObject(lost)
  })
})

test('an invitation of an operator ends with their account', async () => {
  const { tenant } = await installation.enter()
  const user = await installation.createUser()
  const inviting = installation.callerAs({ ...operator, ...user }, tenant.id)
  const [before, after] = [await invited(installation, inviting), await invited(installation, inviting)]
  expect(await before.accept()).toMatchObject({ role: 'member' })
  await asOperator(installation).deactivate({ userId: user.id, reason: 'Left the company' })
  expect(await refusalOf(after.accept())).toMatchObject({ code: 'invitation.inviter_lost_rights' })
})
