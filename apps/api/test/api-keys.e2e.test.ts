import { createTenantryClient, isTenantryError } from '@tenantry/shared/http'
import { createRestClient } from '@tenantry/shared/openapi/rest-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestApi, type TestApi } from './api-server.ts'
import { listenBy } from './event-listener.ts'
import type { Reply } from './http.ts'

const baseDomain = 'tenantry.example'

let api: TestApi
beforeAll(async () => {
  api = await openTestApi({
    environment: { BASE_DOMAIN: baseDomain, TRUSTED_PROXIES: '127.0.0.1' },
    streams: { heartbeatMilliseconds: 100 },
  })
})
afterAll(() => api.close())

/** A tenant of its own, and a key that its owner made by REST. */
async function enter(scopes = ['tenant:read', 'usage:write'], more: object = {}) {
  const { tenant, user, caller } = await api.installation.enter()
  const signedIn = await api.signedIn(user)
  const created = await api.rest(`/tenants/${tenant.slug}/api-keys`, {
    headers: signedIn,
    json: { name: 'Scheduler', scopes, ...more },
  })
  expect(created.status).toBe(201)
  const { id: apiKeyId, key } = created.json as { id: string; key: string }
  return { tenant, caller, signedIn, apiKeyId, key, headers: { 'x-api-key': key } }
}

const answered = ({ status, json }: Reply) => (status === 200 ? json.slug : `${status} ${json.code}`)

describe('every door takes a key', () => {
  test('REST, with the tenant named in any way or none', async () => {
    const { tenant, headers } = await enter()
    for (const [path, named] of [
      ['/tenants/current', {}],
      [`/tenants/${tenant.slug}`, {}],
      [`/tenants/${tenant.id}`, { 'x-tenant-id': tenant.slug }],
      ['/tenants/current', { host: `${tenant.slug}.${baseDomain}` }],
    ] as const) {
      expect(answered(await api.rest(path, { headers: { ...headers, ...named } }))).toBe(tenant.slug)
    }
  })

  test('tRPC, each call of a batch by one verification', async () => {
    const { tenant, headers } = await enter()
    const { status, json } = await api.send('/trpc/tenants.info,tenants.limits,tenants.info?batch=1', { headers })
    expect(status).toBe(200)
    expect(json.map((one: { result: { data: { json: { slug?: string } } } }) => one.result.data.json.slug)).toEqual([
      tenant.slug,
      undefined,
      tenant.slug,
    ])
  })

  test('the typed clients, which ask a provider for it each time', async () => {
    const { tenant, key } = await enter()
    const asked: string[] = []
    const provider = () => {
      asked.push(key)
      return key
    }
    const client = createTenantryClient({ url: api.origin, apiKey: provider })
    expect(await client.tenants.info.query()).toMatchObject({ id: tenant.id, userRole: null })
    expect(await client.usage.track.mutate({ tenantId: 'current', metric: 'tokens' })).toMatchObject({ used: 1 })
    expect(asked).toHaveLength(2)
    const rest = createRestClient({ url: api.origin, apiKey: key })
    expect((await rest.GET('/tenants/current')).data).toMatchObject({ id: tenant.id })
  })

  test('a stream of events, which ends soon after the key does', async () => {
    const { caller, apiKeyId, key } = await enter()
    const listener = listenBy(createTenantryClient({ url: api.origin, apiKey: key, retries: 0 }))
    expect(await listener.types(1)).toEqual(['resync'])
    await caller.tenants.update({ tenantId: 'current', name: 'Renamed' })
    expect(await listener.types(2)).toEqual(['resync', 'tenant.updated'])
    await caller.apiKeys.remove({ tenantId: 'current', apiKeyId })
    await expect.poll(() => listener.errors.length, { timeout: 5_000 }).toBe(1)
    expect(isTenantryError(listener.errors[0], 'auth.unauthenticated')).toBe(true)
  })
})

test('a key and a token together are refused, whatever each is worth, and count as no failure', async () => {
  const { headers, signedIn } = await enter()
  const both = [
    { ...headers, ...signedIn },
    { ...headers, authorization: 'Bearer garbage' },
    { ...signedIn, 'x-api-key': 'garbage' },
  ]
  for (let round = 0; round < 5; round++) {
    for (const credentials of both) {
      const { status, json } = await api.rest('/tenants/current', { headers: credentials })
      expect({ status, code: json.code, issues: json.issues }).toEqual({
        status: 400,
        code: 'request.invalid',
        issues: [{ path: 'X-API-Key', message: 'Send a bearer token or an API key, not both.' }],
      })
    }
  }
})

test('a key that names another tenant is told so by every door, whether that tenant exists or not', async () => {
  const { tenant, headers } = await enter()
  const { tenant: other } = await enter()
  for (const name of [other.slug, other.id, 'no-such-tenant']) {
    for (const [path, named] of [
      [`/tenants/${name}`, {}],
      [`/tenants/${tenant.slug}`, { 'x-tenant-id': name }],
      ['/tenants/current', { 'x-tenant-id': name }],
      ['/tenants/current', { host: `${name}.${baseDomain}` }],
    ] as const) {
      // An id is no name of a host.
      if ('host' in named && name === other.id) continue
      expect(answered(await api.rest(path, { headers: { ...headers, ...named } }))).toBe('403 tenant.mismatch')
    }
  }
})

test('what is for users only is refused to a key, as the document says', async () => {
  const { headers } = await enter()
  expect(answered(await api.rest('/me', { headers }))).toBe('403 auth.permission_denied')
  expect((await api.rest('/plans', { headers })).status).toBe(200)
})

test('the address that counts is the one behind trusted proxies', async () => {
  const { tenant, headers } = await enter(['tenant:read'], { ipAllowlist: ['203.0.113.0/24'] })
  const from = async (address: string) =>
    answered(await api.rest('/tenants/current', { headers: { ...headers, 'x-forwarded-for': address } }))
  expect(await from('203.0.113.9')).toBe(tenant.slug)
  expect(await from('203.0.113.9, 198.51.100.1')).toBe('403 auth.ip_not_allowed')
  expect(await from('198.51.100.1')).toBe('403 auth.ip_not_allowed')
})

test('the same Idempotency-Key makes one key, and tells it again to whoever made it', async () => {
  const { tenant, signedIn } = await enter()
  const create = () =>
    api.rest(`/tenants/${tenant.slug}/api-keys`, {
      headers: { ...signedIn, 'idempotency-key': 'first-try' },
      json: { name: 'Twice', scopes: ['tenant:read'] },
    })
  const [first, second] = [await create(), await create()]
  expect(second.headers['idempotency-replayed']).toBe('true')
  expect(second.json).toEqual(first.json)
  const { json } = await api.rest(`/tenants/${tenant.slug}/api-keys`, { headers: signedIn })
  expect(json.items.map(({ name }: { name: string }) => name)).toEqual(['Twice', 'Scheduler'])
  const stored = await api.installation.database.platformUnit(
    { actor: { type: 'system', name: 'test' }, readOnly: true },
    (em) => em.execute<{ response: string }[]>('select response from tenantry.idempotency_records'),
  )
  expect(JSON.stringify(stored)).not.toContain(first.json.key)
})
