import { makeApiKey } from '@tenantry/control-plane/capabilities/api-key/service.fixture'
import { operator } from '@tenantry/control-plane/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestApi, type TestApi } from './api-server.ts'
import { startProduct } from './product-server.ts'

const question = { permission: 'runs:write', feature: 'analytics', meter: 'pipeline_runs' }

let api: TestApi

beforeAll(async () => {
  api = await openTestApi()
})

afterAll(() => api.close())

const start = () => startProduct({ url: api.origin, question })

describe.each(['express', 'trpc'] as const)('a product service over %s', (door) => {
  test('works for whom Tenantry lets through, and knows who and where it is', async () => {
    const { worked, doors } = await start()
    const { tenant, user } = await api.installation.enter({ plan: 'starter', role: 'member' })
    for (const name of [undefined, tenant.slug, tenant.id]) {
      expect(await doors[door]({ headers: await api.signedIn(user), tenant: name })).toMatchObject({
        status: 200,
        body: {
          tenant: { id: tenant.id, slug: tenant.slug },
          principal: { type: 'user', id: user.id },
          role: 'member',
        },
      })
    }
    expect(worked()).toBe(3)
  })

  test('works for an API key of the tenant, by the scopes that the key has', async () => {
    const { worked, doors } = await start()
    const { tenant, user } = await api.installation.enter({ plan: 'starter' })
    const made = { tenantId: tenant.id, createdById: user.id }
    const runner = { 'x-api-key': await makeApiKey(api.installation, { ...made, scopes: ['runs:write'] }) }
    expect(await doors[door]({ headers: runner })).toMatchObject({
      status: 200,
      body: { tenant: { id: tenant.id }, principal: { type: 'apiKey' }, role: null },
    })
    const reader = { 'x-api-key': await makeApiKey(api.installation, { ...made, scopes: ['usage:read'] }) }
    expect(await doors[door]({ headers: reader })).toMatchObject({ status: 403, body: { missingScope: 'runs:write' } })
    expect(worked()).toBe(1)
  })

  test('refuses a role, a plan and a quota that do not do, each by its code', async () => {
    const { worked, doors } = await start()
    const { tenant, user } = await api.installation.enter({ plan: 'free', role: 'viewer' })
    const service = api.installation.callerAs({ type: 'service', name: 'runner' }, tenant.id)
    await service.usage.track({ tenantId: 'current', metric: 'pipeline_runs', amount: 20 })
    const { status, body } = await doors[door]({ headers: await api.signedIn(user) })
    expect({ status, body }).toMatchObject({
      status: 403,
      body: {
        code: 'auth.permission_denied',
        missingScope: 'runs:write',
        explain: `/api/v1/tenants/${tenant.id}/access/explain?permission=runs:write`,
        reasons: [
          { code: 'auth.permission_denied' },
          { code: 'plan.feature_missing', requiresFeature: 'analytics' },
          { code: 'usage.limit_exceeded', limit: 20, used: 20 },
        ],
      },
    })
    const owner = await api.installation.createMember(tenant.id, 'owner')
    expect(await doors[door]({ headers: await api.signedIn(owner) })).toMatchObject({
      status: 403,
      body: { code: 'plan.feature_missing' },
    })
    expect(worked()).toBe(0)
  })

  test('refuses with 429 what is used up, and says when it starts anew', async () => {
    const { doors } = await start()
    const { user, caller } = await api.installation.enter({ plan: 'starter', role: 'member' })
    await caller.usage.track({ tenantId: 'current', metric: 'pipeline_runs', amount: 200 })
    expect(await doors[door]({ headers: await api.signedIn(user) })).toMatchObject({
      status: 429,
      body: { code: 'usage.limit_exceeded', limit: 200, used: 200, resetsAt: expect.any(String) },
    })
  })

  test('refuses for a tenant that is suspended', async () => {
    const { doors } = await start()
    const { user } = await api.installation.enter({ plan: 'starter', status: 'suspended', statusReason: 'Unpaid.' })
    expect(await doors[door]({ headers: await api.signedIn(user) })).toMatchObject({
      status: 403,
      body: { code: 'tenant.inactive', state: 'suspended', reason: 'Unpaid.' },
    })
  })

  test('refuses nobody, a stranger and a request that names two tenants as Tenantry itself does', async () => {
    const { worked, doors } = await start()
    const { tenant, user } = await api.installation.enter({ plan: 'starter' })
    const { tenant: foreign } = await api.installation.enter()
    const second = await api.installation.createTenant()
    await api.installation.addMember(second.id, user.id, 'owner')
    const signedIn = await api.signedIn(user)
    expect(await doors[door]()).toMatchObject({ status: 401, body: { code: 'auth.unauthenticated' } })
    expect(await doors[door]({ headers: { authorization: 'Bearer forged' } })).toMatchObject({ status: 401 })
    expect(await doors[door]({ headers: signedIn, tenant: foreign.slug })).toMatchObject({
      status: 404,
      body: { code: 'tenant.not_found' },
    })
    const twice = { headers: { ...signedIn, 'x-tenant-id': second.slug }, tenant: tenant.slug }
    expect(await doors[door](twice)).toMatchObject({ status: 403, body: { code: 'tenant.mismatch' } })
    expect(await doors[door]({ headers: signedIn })).toMatchObject({
      status: 400,
      body: { code: 'tenant.not_selected' },
    })
    expect(worked()).toBe(0)
  })

  test('refuses with 503 where Tenantry cannot be asked', async () => {
    const { worked, doors } = await startProduct({ url: 'http://127.0.0.1:1', question })
    const { user } = await api.installation.enter({ plan: 'starter' })
    expect(await doors[door]({ headers: await api.signedIn(user) })).toMatchObject({
      status: 503,
      body: { code: 'service.overloaded', retryAfterSeconds: 1 },
    })
    expect(worked()).toBe(0)
  })
})

test('over Express a refusal is a problem document, with the headers that say what to do next', async () => {
  const unknown = await (await start()).doors.express()
  expect(unknown.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  expect(unknown.headers.get('www-authenticate')).toBe('Bearer')
  expect(unknown.headers.get('cache-control')).toBe('no-store')
  const unreachable = await (await startProduct({ url: 'http://127.0.0.1:1', question })).doors.express()
  expect(unreachable.headers.get('retry-after')).toBe('1')
})

test('a change of role, plan or usage counts for the next request of the product', async () => {
  const { doors } = await start()
  const { tenant, user, caller } = await api.installation.enter({ plan: 'free', role: 'member' })
  const headers = await api.signedIn(user)
  const status = async () => (await doors.express({ headers })).status
  expect(await status()).toBe(403)
  await api.installation.callerAs(operator).tenants.update({ tenantId: tenant.id, plan: 'starter' })
  expect(await status()).toBe(200)
  await caller.usage.track({ tenantId: 'current', metric: 'pipeline_runs', amount: 200 })
  expect(await status()).toBe(429)
})
