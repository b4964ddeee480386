import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation, type TestUser } from '../../testing.ts'

let installation: TestInstallation
let admin: TestUser
beforeAll(async () => {
  installation = await openTestInstallation()
  admin = await installation.createUser()
})
afterAll(() => installation.close())

const newWord = () => `w${randomBytes(6).toString('hex')}`
const asOperator = () => installation.callerAs({ ...operator, ...admin }).tenants
const signIn = (email: string, subject = email) =>
  installation.dependencies.directory.signIn({
    issuer: installation.issuer.issuer,
    subject,
    email,
    emailVerified: true,
    name: null,
    platformAdmin: false,
    tenantClaim: null,
    authenticationMethods: [],
    authenticatedAt: null,
    expiresAt: new Date(Date.now() + 60_000),
  })

test('an owner is named who has not been seen: the first sign-in under that address makes them one, once', async () => {
  const email = `${newWord()}@people.test`
  const made = await asOperator().create({ name: newWord(), ownerEmail: email.toUpperCase() })
  expect(made).toMatchObject({ memberCount: 0, contactEmail: email, owner: { userId: null, email } })
  const user = await signIn(email)
  const own = installation.callerAs({ ...user, email }, made.id)
  expect(await own.tenants.info({})).toMatchObject({ userRole: 'owner', memberCount: 1 })
  const joined = { action: 'member.joined', actorType: 'user', actorId: user.id }
  expect((await installation.auditEntries(made.id)).filter(({ action }) => action.startsWith('member'))).toMatchObject([
    { action: 'member.invited', targetId: email },
    joined,
  ])
  const namesake = await signIn(email, newWord())
  await expect(installation.callerAs({ ...namesake, email }, made.id).tenants.info({})).rejects.toMatchObject({
    code: 'tenant.not_found',
  })
})

test('an owner is whoever signs in next under the address, not who had it once', async () => {
  const email = `${newWord()}@people.test`
  const [former, heir] = [newWord(), newWord()]
  const { id: formerId } = await signIn(email, former)
  const { id, owner } = await asOperator().create({ name: newWord(), ownerEmail: email })
  expect(owner).toEqual({ userId: null, email })
  const next = await signIn(email, heir)
  await signIn(`${newWord()}@elsewhere.test`, former)
  expect(await installation.callerAs({ ...next, email }, id).tenants.info({})).toMatchObject({ userRole: 'owner' })
  await expect(installation.callerAs({ id: formerId, email }, id).tenants.info({})).rejects.toMatchObject({
    code: 'tenant.not_found',
  })
})

test('an owner may be somebody who has just signed in: with the next call the tenant is theirs', async () => {
  const email = `${newWord()}@people.test`
  const user = await signIn(email)
  const { id } = await asOperator().create({ name: newWord(), ownerEmail: email })
  await signIn(email)
  expect(await installation.callerAs({ ...user, email }, id).tenants.info({})).toMatchObject({ userRole: 'owner' })
})

test('an owner may be a member of less: the claim raises them, and the log says from where', async () => {
  const user = await installation.createUser()
  const { id } = await asOperator().create({ name: newWord(), ownerEmail: user.email })
  await installation.addMember(id, user.id, 'viewer')
  await signIn(user.email)
  const child = await installation.createTenant({ parent: { id } })
  expect(await installation.callerAs(user, id).tenants.info({})).toMatchObject({ userRole: 'owner' })
  expect(await installation.callerAs(user, child.id).tenants.info({})).toMatchObject({ userRole: 'owner' })
  expect((await installation.auditEntries(id)).at(-1)).toMatchObject({
    action: 'member.role_changed',
    targetId: user.id,
    changes: { role: { before: 'viewer', after: 'owner' } },
  })
})

test.each(['itself', 'above'])(
  'an owner who is signed in already comes in moments after the reactivation of the tenant %s',
  async (which) => {
    const email = `${newWord()}@people.test`
    const top = await installation.createTenant()
    const { id } = await asOperator().create({ name: newWord(), ownerEmail: email, parentId: top.id })
    const tenantId = which === 'above' ? top.id : id
    await asOperator().suspend({ tenantId, reason: 'unpaid' })
    const role = async () => {
      const user = await signIn(email)
      const info = installation.callerAs({ ...user, email }, id).tenants.info({})
      return info.then(
        ({ userRole }) => userRole,
        ({ code }) => code,
      )
    }
    expect(await role()).toBe('tenant.not_found')
    await asOperator().reactivate({ tenantId, reason: 'paid' })
    await expect.poll(role, { timeout: 5_000, interval: 200 }).toBe('owner')
  },
)

test('an owner comes in once the tenant acts, and not before', async () => {
  const email = `${newWord()}@people.test`
  const top = await installation.createTenant()
  const { id } = await asOperator().create({ name: newWord(), ownerEmail: email, parentId: top.id })
  const role = async () => {
    const user = await signIn(email, newWord())
    return installation
      .callerAs({ ...user, email }, id)
      .tenants.info({})
      .then(
        ({ userRole }) => userRole,
        ({ code }) => code,
      )
  }
  for (const tenantId of [id, top.id]) {
    await asOperator().suspend({ tenantId, reason: 'unpaid' })
    expect(await role()).toBe('tenant.not_found')
    await asOperator().reactivate({ tenantId, reason: 'paid' })
  }
  expect(await role()).toBe('owner')
})

test('an owner for whom the plan has no room signs in all the same, and comes in once there is some', async () => {
  const email = `${newWord()}@people.test`
  const { id } = await asOperator().create({ name: newWord(), ownerEmail: email })
  const other = await installation.createMember(id, 'admin')
  const user = await signIn(email)
  const own = installation.callerAs({ ...user, email }, id)
  await expect(own.tenants.info({})).rejects.toMatchObject({ code: 'tenant.not_found' })
  await installation.callerAs(operator, id).members.update({ tenantId: id, userId: other.id, role: 'viewer' })
  const info = async () => {
    await signIn(email)
    return own.tenants.info({}).catch(({ code }) => code)
  }
  await expect.poll(info, { timeout: 5_000, interval: 200 }).toMatchObject({ userRole: 'owner', memberCount: 2 })
})

test('of several accounts of one address that sign in at once one owns the tenant', async () => {
  const email = `${newWord()}@people.test`
  const { id } = await asOperator().create({ name: newWord(), ownerEmail: email })
  await Promise.all(Array.from({ length: 6 }, () => signIn(email, newWord())))
  const { items } = await installation.callerAs(operator, id).members.list({ tenantId: id })
  expect(items).toMatchObject([{ email, role: 'owner' }])
  const joined = (await installation.auditEntries(id)).filter(({ action }) => action === 'member.joined')
  expect(joined).toMatchObject([{ actorId: items[0]?.userId }])
})
