import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { asAdmin } from '../event/service.fixture.ts'
import { invite, tokenTo } from '../invitation/service.fixture.ts'
import { inTenant } from '../member/service.fixture.ts'
import { asOperator, callerOf, changed, everythingOf, person, tablesThatName } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

test('mails and invitations of others to whom the person wrote too are theirs still', async () => {
  const { caller, tenant } = await installation.enter()
  const user = await person(installation)
  await installation.addMember(tenant.id, user.id, 'admin')
  const guest = await installation.createUser()
  const first = await invite(callerOf(installation, user, tenant.id), guest.email)
  await caller.invitations.revoke({ ...inTenant, invitationId: first.id })
  await invite(caller, guest.email)
  const token = await tokenTo(installation, guest.email)
  await asOperator(installation).erase({ userId: user.id })
  expect(await tokenTo(installation, guest.email)).toBe(token)
  expect(await installation.callerAs(guest).invitations.accept({ token })).toMatchObject({ role: 'member' })
})

test('what is known by the address alone is left to another with the same address, and the answer says so', async () => {
  const { caller, tenant } = await installation.enter()
  const user = await person(installation)
  const former = '01a1ff1f-cb53-768f-95ba-c19a719f12d4'
  await asAdmin(
    installation,
    `insert into tenantry.users (id, issuer, subject, email, created_at) values ($1, 'former', 'former', $2, now())`,
    [former, user.email],
  )
  await invite(caller, user.email)
  await installation.addMember(tenant.id, former, 'viewer')
  const erased = await asOperator(installation).erase({ userId: former })
  expect(erased.addressSharedWith).toEqual([user.id])
  expect(changed(erased)).toMatchObject({ memberships: 1, users: 1 })
  expect(changed(erased)).not.toHaveProperty('invitations')
  const token = await tokenTo(installation, user.email)
  expect(await installation.callerAs(user).invitations.accept({ token })).toMatchObject({ tenantId: tenant.id })
  expect((await asOperator(installation).erase({ userId: user.id })).addressSharedWith).toEqual([])
  expect(await tablesThatName(installation, user.email)).toEqual([])
})

test('an address is not left in logs whose invitation and mails are gone', async () => {
  const user = await person(installation)
  const { caller, tenant } = await installation.enter()
  const { id } = await invite(caller, user.email)
  await caller.invitations.resend({ ...inTenant, invitationId: id })
  await caller.invitations.revoke({ ...inTenant, invitationId: id })
  for (const table of ['invitations', 'mails'])
    await asAdmin(installation, `delete from tenantry.${table} where tenant_id = $1`, [tenant.id])
  await asOperator(installation).erase({ userId: user.id })
  expect(await tablesThatName(installation, user.email)).toEqual([])
})

test('addresses that the person had before go too', async () => {
  const [former, email, subject] = ['before.zoe@people.test', 'after.zoe@people.test', 'zoe']
  const signIn = (address: string) =>
    installation.dependencies.directory.signIn({
      ...{ issuer: installation.issuer.issuer, subject, email: address, emailVerified: true, name: null },
      ...{ platformAdmin: false, tenantClaim: null, authenticationMethods: [], authenticatedAt: null },
      expiresAt: new Date(Date.now() + 60_000),
    })
  const { caller } = await installation.enter()
  const { caller: stranger } = await installation.enter()
  const { id } = await signIn(former)
  await invite(caller, former)
  const token = await tokenTo(installation, former)
  await installation.callerAs({ id, email: former }).invitations.accept({ token })
  await signIn(email)
  await invite(stranger, former)
  expect((await everythingOf(asOperator(installation), id, 200))[0]).toMatchObject({ data: { formerEmails: [former] } })
  await asOperator(installation).erase({ userId: id })
  for (const address of [former, email]) expect(await tablesThatName(installation, address)).toEqual([])
})
