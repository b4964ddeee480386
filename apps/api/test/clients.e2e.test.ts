import { createTenantryClient, isTenantryError, type TenantryClientOptions } from '@tenantry/shared/http'
import { createRestClient } from '@tenantry/shared/openapi/rest-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestApi, type TestApi } from './api-server.ts'

let api: TestApi

beforeAll(async () => {
  api = await openTestApi()
})

afterAll(() => api.close())

/** A tenant of its own, and how its owner connects. */
async function enter() {
  const { tenant, user } = await api.installation.enter()
  const connection = { url: api.origin, token: await api.tokenOf(user), tenant: tenant.slug }
  return { tenant, user, connection, client: createTenantryClient(connection) }
}

const failure = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  )

/** Counts the requests that a client sends. */
function counting(): { requests: string[]; options: Pick<TenantryClientOptions, 'fetch'> } {
  const requests: string[] = []
  const send: typeof fetch = (input, init) => {
    requests.push(String(input))
    return fetch(input, init)
  }
  return { requests, options: { fetch: send } }
}

describe('the http client', () => {
  test('reads and changes the tenant that it is made for', async () => {
    const { tenant, client } = await enter()
    const info = await client.tenants.info.query()
    expect(info).toMatchObject({ id: tenant.id, userRole: 'owner' })
    const { version } = await client.tenants.get.query({ tenantId: 'current' })
    const changed = await client.tenants.update.mutate({
      tenantId: 'current',
      name: 'Renamed',
      expectedVersion: version,
    })
    expect(changed).toMatchObject({ name: 'Renamed', version: version + 1 })
    expect(await client.tenants.info.query()).toMatchObject({ name: 'Renamed' })
  })

  test('sends what is asked at one moment in as many requests as the server takes', async () => {
    const { connection } = await enter()
    const { requests, options } = counting()
    const client = createTenantryClient({ ...connection, ...options })
    const names = await Promise.all(Array.from({ length: 25 }, () => client.tenants.info.query()))
    expect(new Set(names.map(({ slug }) => slug))).toEqual(new Set([connection.tenant]))
    expect(requests).toHaveLength(2)
  })

  test('tells a stale version from other refusals', async () => {
    const { client } = await enter()
    await client.tenants.updateSettings.mutate({ settings: { branding: { primaryColor: '#112233' } } })
    const change = { settings: { branding: { primaryColor: '#445566' } }, expectedVersion: 1 }
    const error = await failure(client.tenants.updateSettings.mutate(change))
    expect(isTenantryError(error, 'tenant.not_found', 'settings.invalid')).toBe(false)
    expect(isTenantryError(error, 'tenant.concurrent_update') && error.problem).toMatchObject({
      code: 'tenant.concurrent_update',
      status: 409,
      currentVersion: 2,
    })
  })

  test('gives the issues of an invalid change', async () => {
    const { client } = await enter()
    const error = await failure(
      client.tenants.updateSettings.mutate({ settings: { branding: { primaryColor: 'red' } } }),
    )
    expect(isTenantryError(error, 'settings.invalid') && error.problem.issues?.map(({ path }) => path)).toEqual([
      'settings.branding.primaryColor',
    ])
  })

  test('records usage once for a repeated idempotency key', async () => {
    const { client } = await enter()
    const event = { tenantId: 'current', metric: 'tokens', amount: 3 }
    const record = () => client.usage.track.mutate(event, { context: { idempotencyKey: 'event-1' } })
    const outcomes = [await record(), await record()].map(({ outcome, used }) => ({ outcome, used }))
    expect(outcomes).toEqual([
      { outcome: 'accepted', used: 3 },
      { outcome: 'duplicate', used: 3 },
    ])
  })

  test('hands a spent rate limit to the caller where the wait is longer than it may be', async () => {
    const { connection } = await enter()
    const client = createTenantryClient({ ...connection, longestWaitMilliseconds: 0 })
    const calls = Array.from({ length: 120 }, () => failure(client.tenants.info.query()))
    const refusals = (await Promise.all(calls)).filter((error) => error !== undefined)
    expect(refusals).toHaveLength(20)
    for (const error of refusals) {
      expect(isTenantryError(error, 'rate_limit.exceeded') && error.problem.retryAfterSeconds).toBeGreaterThan(0)
    }
  })

  test('without a token reads what is public, and is refused the rest', async () => {
    const client = createTenantryClient({ url: api.origin })
    expect((await client.plans.list.query()).items.map(({ name }) => name)).toContain('free')
    expect(isTenantryError(await failure(client.me.get.query()), 'auth.unauthenticated')).toBe(true)
  })
})

describe('the REST client', () => {
  test('reads and changes by path, in the types of the document', async () => {
    const { tenant, connection } = await enter()
    const client = createRestClient(connection)
    const { data: info } = await client.GET('/tenants/current')
    expect(info?.id).toBe(tenant.id)
    const { data: found, response } = await client.GET('/tenants/{tenantId}', {
      params: { path: { tenantId: tenant.id } },
    })
    const { data: changed } = await client.PATCH('/tenants/{tenantId}', {
      params: { path: { tenantId: tenant.id }, header: { 'If-Match': response.headers.get('etag') ?? '' } },
      body: { name: 'Renamed' },
    })
    expect(changed).toMatchObject({ name: 'Renamed', version: (found?.version ?? 0) + 1 })
  })

  test('gives a refusal as the problem document', async () => {
    const { tenant, connection } = await enter()
    const client = createRestClient(connection)
    const { error, response } = await client.PATCH('/tenants/{tenantId}', {
      params: { path: { tenantId: tenant.id }, header: { 'If-Match': '"99"' } },
      body: { name: 'Renamed' },
    })
    expect([response.status, error?.code, error?.currentVersion]).toEqual([412, 'tenant.concurrent_update', 1])
  })

  test('records usage with a key, and says so when it is repeated', async () => {
    const { connection } = await enter()
    const client = createRestClient(connection)
    const record = () =>
      client.POST('/tenants/{tenantId}/usage', {
        params: { path: { tenantId: 'current' }, header: { 'Idempotency-Key': 'event-1' } },
        body: { metric: 'tokens', amount: 2 },
      })
    const [first, second] = [await record(), await record()]
    expect([first.response.status, first.data?.outcome, second.data?.outcome]).toEqual([201, 'accepted', 'duplicate'])
  })

  test('the call’s own tenant comes before the client’s', async () => {
    const one = await enter()
    const other = await enter()
    const { error } = await createRestClient(one.connection).GET('/tenants/current', {
      params: { header: { 'X-Tenant-ID': other.tenant.slug } },
    })
    expect(error?.code).toBe('tenant.not_found')
  })

  test('throws where nothing answers', async () => {
    const silent = createRestClient({ url: 'http://127.0.0.1:1' })
    await expect(silent.GET('/plans')).rejects.toThrow('fetch failed')
  })
})
