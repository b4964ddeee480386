import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isolationPromises } from '../../../test/isolation.fixture.ts'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import * as contract from './contract.ts'
import { signedApiKey, touchApiKeys } from './repository.ts'
import { callByKey, create, refusalOf } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const inputs = {
  'apiKeys.create': { name: 'Any', scopes: ['tenant:read'] },
  'apiKeys.rotate': { apiKeyId: randomUUID() },
  'apiKeys.remove': { apiKeyId: randomUUID() },
}

for (const { promise, check } of isolationPromises(contract, inputs)) test(promise, () => check(installation))

test('a key of another tenant is none: it is not listed, rotated or revoked', async () => {
  const [here, there] = [await installation.enter(), await installation.enter()]
  const { id: apiKeyId, key } = await create(there.caller)
  expect((await here.caller.apiKeys.list({ tenantId: 'current' })).items).toEqual([])
  for (const verb of ['rotate', 'remove'] as const) {
    const refused = await refusalOf(here.caller.apiKeys[verb]({ tenantId: 'current', apiKeyId }))
    expect(refused).toMatchObject({ code: 'api_key.not_found' })
  }
  expect(await callByKey(installation.dependencies, key).tenants.info()).toMatchObject({ id: there.tenant.id })
})

test('a key is found only under a context that was signed for it and its digest', async () => {
  const { tenant, user, caller } = await installation.enter()
  const { id, key } = await create(caller)
  const read = installation.dependencies.services.apiKeys.texts.read(key)
  if (typeof read === 'string') throw new Error(read)
  const { database } = installation
  const find = (credential: string) => database.identityRead(credential, signedApiKey)

  expect(await find(`api-key:${id}:${read.digest}`)).toMatchObject([{ id, tenantId: tenant.id }])
  for (const other of [
    `api-key:${id}:${'0'.repeat(64)}`,
    `api-key:${id}:`,
    `api-key:${id}`,
    `api-key:${randomUUID()}:${read.digest}`,
    `${id}:${read.digest}`,
    `${'0'.repeat(64)}:${read.digest}`,
  ]) {
    expect(await find(other), other).toEqual([])
  }
  expect(await database.userRead(user.id, signedApiKey)).toEqual([])
  const unit = { tenantId: tenant.id, actor: { type: 'user' as const, ...user, name: null }, readOnly: true }
  expect(await database.tenantUnit(unit, (em) => em.execute(signedApiKey.text))).toEqual([])
  await expect(database.platformRead(operator, signedApiKey)).rejects.toMatchObject({ code: '42501' })
})

test('nobody but an operator’s unit of work writes when keys were used, and nothing else with it', async () => {
  const { tenant, caller } = await installation.enter()
  const { id } = await create(caller)
  const { database } = installation
  const uses = [{ id, at: new Date() }]
  const lastUsed = async () => (await caller.apiKeys.list({ tenantId: 'current' })).items[0]?.lastUsedAt

  const inTenant = { tenantId: tenant.id, actor: operator, readOnly: false }
  await database.tenantUnit({ ...inTenant, asOperator: true }, (em) => touchApiKeys(em, uses))
  expect(await lastUsed()).toBeNull()
  const asApplication = database.tenantUnit({ ...inTenant, asOperator: false }, (em) => touchApiKeys(em, uses))
  await expect(asApplication).rejects.toMatchObject({ code: '42501' })

  await database.platformUnit({ actor: operator, readOnly: false }, (em) => touchApiKeys(em, uses))
  expect(await lastUsed()).toBe(uses[0]?.at.toISOString())
})
