import { openTestInstallation, type TestInstallation } from '@tenantry/control-plane/testing'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { environmentOf, type } from './cli.fixture.ts'

vi.setConfig({ testTimeout: 30_000 })

let installation: TestInstallation
let environment: NodeJS.ProcessEnv

beforeAll(async () => {
  installation = await openTestInstallation()
  environment = environmentOf(installation)
})
afterAll(() => installation.close())

const json = async (typed: string) => JSON.parse((await type(`${typed} --json`, environment)).out)

test('a user is found, deactivated and reactivated by address, and the log of the platform says by whom and why', async () => {
  const { id, email } = await installation.createUser('ada@people.test')
  await installation.createUser('ada@people.test.example')
  expect((await type('user list --q ADA@', environment)).out).toMatch(/^EMAIL +NAME +STATE +LAST SEEN +ID\n/)
  expect(await type('user deactivate Ada@people.test --reason Stolen', environment)).toMatchObject({
    code: 0,
    out: `${email} is deactivated.\n`,
  })
  expect((await json('user list --state deactivated')).items).toMatchObject([{ id }])
  expect(await json(`user reactivate ${id} --reason Found`)).toMatchObject({ id, state: 'active' })
  const about = (await installation.platformAuditEntries()).filter(({ targetId }) => targetId === id)
  const by = { actorType: 'system', actorId: 'cli' }
  expect(about).toMatchObject([
    { ...by, action: 'user.deactivated', details: { reason: 'Stolen' } },
    { ...by, action: 'user.reactivated' },
  ])
})

test('a user is exported as one document, and erased with a count of every table', async () => {
  const { tenant } = await installation.enter()
  const user = await installation.createMember(tenant.id, 'viewer')
  const exported = await type(`user export ${user.email}`, environment)
  const kinds = (JSON.parse(exported.out) as { items: { kind: string }[] }).items.map(({ kind }) => kind)
  expect(kinds).toEqual(['profile', 'membership'])
  const { code, out } = await type(`user erase ${user.id} --reason Letter`, environment)
  expect(code).toBe(0)
  expect(out).toMatch(/^memberships +1$/m)
  expect((await json('user list --state erased')).items).toMatchObject([{ id: user.id }])
})

test('who cannot be told apart, or is not there, is told so', async () => {
  const { tenant, user: owner } = await installation.enter()
  const twice = await installation.createUser('twice@people.test')
  await installation.dependencies.directory.signIn({
    ...{ issuer: 'https://other.example', subject: 'twice', email: twice.email, emailVerified: true, name: null },
    ...{ platformAdmin: false, tenantClaim: null, authenticationMethods: [], authenticatedAt: null },
    expiresAt: new Date(Date.now() + 60_000),
  })
  const refused = async (typed: string) => {
    const { code, error } = await type(typed, environment)
    expect(code).toBe(1)
    return error
  }
  expect(await refused('user export nobody@people.test')).toContain('Nobody has the address')
  expect(await refused('user erase twice@people.test')).toContain(twice.id)
  expect(await refused(`user erase ${owner.email}`)).toContain(tenant.slug)
  expect((await type(`user deactivate ${owner.email}`, environment)).code).toBe(2)
})
