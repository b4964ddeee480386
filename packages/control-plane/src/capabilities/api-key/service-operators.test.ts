import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDependencies } from '../../dependencies.ts'
import { openTestInstallation, operator, type TestInstallation, type TestUser } from '../../testing.ts'
import { asAdmin } from '../event/service.fixture.ts'
import { callByKey, create, refusalOf } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const asOperator = (user: TestUser, tenantId: string) => installation.callerAs({ ...operator, ...user }, tenantId)
const use = (key: string) =>
  callByKey(installation.dependencies, key)
    .tenants.info()
    .then(
      () => 'works',
      (error) => error.cause.code,
    )
const soon = { timeout: 3_000, interval: 20 }

describe('an operator who is a member', () => {
  test('makes keys as that: they end with the membership', async () => {
    const { tenant, user } = await installation.enter({ role: 'admin' })
    const { key, createdBy } = await create(asOperator(user, tenant.id))
    expect(createdBy).toEqual({ type: 'user', id: user.id })
    expect(await use(key)).toBe('works')
    await asAdmin(installation, 'delete from tenantry.memberships where user_id = $1', [user.id])
    await expect.poll(() => use(key), soon).toBe('auth.unauthenticated')
  })

  test('by a role that is inherited too', async () => {
    const { tenant: parent, user } = await installation.enter({ role: 'owner' })
    const child = await installation.createTenant({ parent })
    expect(await create(asOperator(user, child.id))).toMatchObject({ createdBy: { type: 'user', id: user.id } })
  })

  test('gives them no more than the member holds', async () => {
    const { tenant, user } = await installation.enter({ role: 'viewer' })
    const refused = await refusalOf(create(asOperator(user, tenant.id), ['tenant:read', 'settings:write']))
    expect(refused).toMatchObject({ code: 'auth.permission_denied', details: { missingScope: 'settings:write' } })
  })
})

test('keys that somebody made as an operator stop with them, and an erasure tells which', async () => {
  const tenant = await installation.createTenant()
  const user = await installation.createUser()
  const { id, key, createdBy } = await create(asOperator(user, tenant.id))
  expect(createdBy).toEqual({ type: 'platformAdmin', id: user.id })
  expect(await use(key)).toBe('works')
  const { users } = installation.callerAs(operator)
  await users.deactivate({ userId: user.id, reason: 'Left' })
  await expect.poll(() => use(key), soon).toBe('auth.unauthenticated')
  await users.reactivate({ userId: user.id, reason: 'Came back' })
  await expect.poll(() => use(key), soon).toBe('works')
  const { operatorKeys } = await users.erase({ userId: user.id })
  expect(operatorKeys).toEqual([{ tenant: tenant.slug, apiKeyId: id, name: 'Scheduler' }])
  await expect.poll(() => use(key), soon).toBe('auth.unauthenticated')
})

test('keys that an operator made do nothing while PLATFORM_ACCESS is false; those of commands and services go on', async () => {
  const tenant = await installation.createTenant()
  const makers = [operator, { type: 'system', name: 'cli' }, { type: 'service', name: 'billing' }] as const
  const made = await Promise.all(makers.map((maker) => create(installation.callerAs(maker, tenant.id))))
  expect(made.map(({ createdBy }) => createdBy.type)).toEqual(['platformAdmin', 'system', 'service'])
  const { dependencies } = installation
  const { bus, cache, catalogue, apiKeys } = dependencies.services
  const shut = createDependencies({
    ...dependencies,
    ...{ bus, cache, catalogue, apiKeyTexts: apiKeys.texts, platformAccess: false },
  })
  const [ofOperator, ...others] = made.map(
    ({ key }) =>
      () =>
        callByKey(shut, key).tenants.info(),
  )
  expect(ofOperator && (await refusalOf(ofOperator()))).toMatchObject({
    code: 'api_key.access_disabled',
    status: 403,
    message: expect.stringContaining('PLATFORM_ACCESS'),
  })
  for (const call of others) expect(await call()).toMatchObject({ id: tenant.id })
  for (const { key } of made) expect(await use(key)).toBe('works')
})
