import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation, type TestUser } from '../../testing.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ onboarding: { selfService: true } })
})
afterAll(() => installation.close())

const newWord = () => `w${randomBytes(6).toString('hex')}`
const signUp = (user: TestUser, input: object) =>
  installation.callerAs(user).tenants.create({ name: newWord(), ...input })

test('a user creates a tenant on the lowest plan, owns it, and finds it among their own', async () => {
  const user = await installation.createUser()
  const fields = { organizationType: 'club', websiteUrl: 'https://club.example/', timezone: 'Asia/Tokyo', tags: ['a'] }
  const made = await signUp(user, { ...fields, externalId: newWord(), contactEmail: 'desk@club.example' })
  expect(made).toMatchObject({ ...fields, plan: 'free', status: 'active', parentId: null, owner: { userId: user.id } })
  expect((await installation.callerAs(user).me.get({})).memberships).toMatchObject([
    { tenantId: made.id, role: 'owner' },
  ])
  expect(await installation.auditEntries(made.id)).toMatchObject(
    ['tenant.created', 'member.added', 'tenant.activated'].map((action) => ({
      action,
      actorType: 'user',
      actorId: user.id,
    })),
  )
  const stranger = await installation.createUser()
  await expect(installation.callerAs(stranger, made.id).tenants.info({})).rejects.toMatchObject({
    code: 'tenant.not_found',
  })
})

test('what is for platform admins is refused by name, and nothing is made', async () => {
  const user = await installation.createUser()
  const id = '019cf6a1-4e00-7000-8000-0000000000ff'
  const fields = {
    plan: 'enterprise',
    limits: {},
    parentId: id,
    region: 'default',
    ownerEmail: 'a@b.test',
    templateId: 'x',
  }
  for (const [path, value] of Object.entries(fields)) {
    await expect(signUp(user, { [path]: value })).rejects.toMatchObject({
      code: 'auth.permission_denied',
      details: { issues: [{ path }] },
    })
  }
  await expect(signUp(user, fields)).rejects.toMatchObject({
    details: { issues: Object.keys(fields).map((path) => ({ path })) },
  })
  expect((await installation.callerAs(user).me.get({})).memberships).toEqual([])
})

test('a user whose address nobody has verified, and a service, sign nobody up', async () => {
  const { id } = await installation.createUser()
  const unverified = installation.callerAs({ type: 'user', id, email: null, name: null })
  for (const caller of [unverified, installation.callerAs({ type: 'service', name: 'shop' })])
    await expect(caller.tenants.create({ name: newWord() })).rejects.toMatchObject({ code: 'auth.permission_denied' })
})

test('a user signs up ten times an hour, and what was refused as invalid does not count', async () => {
  const user = await installation.createUser()
  for (let turn = 0; turn < 10; turn++) {
    await expect(signUp(user, { slug: 'admin' })).rejects.toMatchObject({ code: 'request.invalid' })
    await signUp(user, {})
  }
  await expect(signUp(user, {})).rejects.toMatchObject({ code: 'rate_limit.exceeded', details: { limit: 10 } })
  expect((await installation.callerAs(user).me.get({})).memberships).toHaveLength(10)
  expect(await signUp(await installation.createUser(), {})).toMatchObject({ status: 'active' })
})
