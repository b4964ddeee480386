import { describe, expect, test } from 'vitest'
import { adminSession, outcome } from './admin-session.ts'
import type { Sending } from './http.ts'

const session = adminSession()
const { call, updateSettings } = session
const track = (sending: Sending) => call(`/tenants/${session.tenant.slug}/usage`, { method: 'POST', ...sending })

describe('a body', () => {
  const asJson = { 'content-type': 'application/json' }

  test('over 256 KB is refused, whether it says its length or not', async () => {
    const body = JSON.stringify({ metric: 'tokens', properties: { note: 'x'.repeat(256 * 1024) } })
    expect(outcome(await track({ body, headers: asJson }))).toBe('413 request.too_large')
    const chunked = { ...asJson, 'transfer-encoding': 'chunked' }
    expect(outcome(await track({ body, headers: chunked }))).toBe('413 request.too_large')
  })

  test.each<Record<string, string>>([
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/x-www-form-urlencoded' },
    { 'content-type': 'application/json; charset=latin1' },
    { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    {},
  ])('of another media type is refused: %o', async (type) => {
    const reply = await track({ body: '{"metric":"tokens"}', headers: type })
    expect(outcome(reply)).toBe('415 request.unsupported_media_type')
  })

  test.each(['{"metric":', '[]', '"tokens"', 'null', '{"metric":"tokens"} {}', '\u{feff}x'])(
    'that is no JSON object is refused: %s',
    async (body) => {
      expect(outcome(await track({ body, headers: asJson }))).toBe('400 request.invalid')
    },
  )

  test('with unknown fields is refused, each by its name', async () => {
    const { status, json } = await track({ json: { metric: 'tokens', amuont: 3, tenant: 'other' } })
    expect(status).toBe(400)
    expect(json.issues).toEqual([
      { path: 'amuont', message: 'Unknown field.' },
      { path: 'tenant', message: 'Unknown field.' },
    ])
    const reads = await call('/me?verbose=true')
    expect(reads.json.issues).toEqual([{ path: 'verbose', message: 'Unknown field.' }])
  })

  test('is refused where the method takes none', async () => {
    expect(outcome(await call('/me', { method: 'GET', json: { a: 1 } }))).toBe('400 request.invalid')
  })
})

describe('a query', () => {
  test.each(['abc', '0', '201', '1.5', ''])('with a limit of "%s" is told what was expected', async (limit) => {
    const { status, json } = await call(`/tenants/current/event-log?limit=${limit}`)
    expect(status).toBe(400)
    expect(json.issues).toEqual([{ path: 'limit', message: 'Expected an integer from 1 to 200.' }])
  })
})

describe('a route', () => {
  test('that does not exist answers 404 as a problem document, on every path', async () => {
    expect(outcome(await call('/no/such/route'))).toBe('404 request.not_found')
    for (const path of ['/api', '/api/v2/me', '/favicon.ico', '/.env']) {
      const reply = await session.api.send(path)
      expect({ path, outcome: outcome(reply) }).toEqual({ path, outcome: '404 request.not_found' })
      expect(reply.headers['content-type']).toBe('application/problem+json; charset=utf-8')
      expect(reply.headers['x-request-id']).toBe(reply.json.requestId)
    }
  })

  test('tells by Allow which methods it takes', async () => {
    const refused = await call('/plans', { method: 'DELETE' })
    expect(outcome(refused)).toBe('405 request.method_not_allowed')
    expect(refused.headers.allow).toBe('GET, HEAD, OPTIONS')
    const settings = await call('/tenants/current/settings', { method: 'POST', json: {} })
    expect(settings.headers.allow).toBe('GET, HEAD, OPTIONS, PATCH, PUT')
    const asked = await session.api.send('/api/v1/plans', { method: 'OPTIONS' })
    expect({ status: asked.status, allow: asked.headers.allow }).toEqual({ status: 204, allow: 'GET, HEAD, OPTIONS' })
  })

  test('answers HEAD as GET, without the body', async () => {
    const [head, get] = [await call('/plans', { method: 'HEAD' }), await call('/plans')]
    expect({ status: head.status, text: head.text }).toEqual({ status: 200, text: '' })
    expect(head.headers['content-length']).toBe(String(Buffer.byteLength(get.text)))
  })

  test('may end in a slash', async () => {
    expect((await call('/tenants/current/')).json.slug).toBe(session.tenant.slug)
  })

  test('reaches its operation by its aliases too', async () => {
    const path = `/api/v1/tenants/${session.tenant.slug}`
    const renamed = await session.api.send(path, {
      method: 'PUT',
      json: { name: 'Put as patch' },
      headers: session.headers,
    })
    expect(renamed.json).toMatchObject({ name: 'Put as patch', version: 2 })
    const json = { settings: { branding: { primaryColor: '#abcdef' } } }
    const patched = await session.api.send('/api/v1/tenants/current/settings', {
      method: 'PATCH',
      json,
      headers: session.headers,
    })
    expect(patched.json.settings.branding.primaryColor).toBe('#abcdef')
  })
})

describe('the settings', () => {
  test('of two writers with the same version take one, and tell the other the current version', async () => {
    const replies = await Promise.all(
      ['#111111', '#222222'].map((primaryColor) =>
        updateSettings({ json: { settings: { branding: { primaryColor } }, expectedVersion: 1 } }),
      ),
    )
    expect(replies.map(outcome).sort()).toEqual(['200 ok', '409 tenant.concurrent_update'])
    expect(replies.find(({ status }) => status === 409)?.json.currentVersion).toBe(2)
    const winner = replies.find(({ status }) => status === 200)?.json.settings
    expect((await call('/tenants/current/settings')).json.settings).toEqual(winner)
  })

  test('of fifty writers at once, each of another key, lose nothing', async () => {
    await session.api.installation
      .callerAs({ type: 'system', name: 'preparation' }, session.tenant.slug)
      .tenants.updateSettings({ settings: { rateLimits: { updatesPerHour: 1_000 } } })
    const keys = Array.from({ length: 50 }, (_, index) => `key${index}`)

    const replies = await Promise.all(
      keys.map((key) => updateSettings({ json: { settings: { custom: { [key]: key } } } })),
    )

    expect(new Set(replies.map(outcome))).toEqual(new Set(['200 ok']))
    const { json } = await call('/tenants/current/settings')
    expect(json.settings.custom).toEqual(Object.fromEntries(keys.map((key) => [key, key])))
    expect(json.version).toBe(52)
  })

  test('report every mistake at once, each with its path', async () => {
    const body = `{"name":"x","settings":{"__proto__":{"admin":true},"branding":{"logoUrl":"https://10.0.0.1/a.png",
      "welcomeMessage":"<script>alert(1)</script>"},"security":{"ipWhitelist":["10.0.0.0/33"]},"surprise":1}}`
    const { status, json } = await updateSettings({ body, headers: { 'content-type': 'application/json' } })
    expect({ status, code: json.code }).toEqual({ status: 422, code: 'settings.invalid' })
    expect(json.issues.map(({ path }: { path: string }) => path).sort()).toEqual([
      'name',
      'settings.__proto__',
      'settings.branding.logoUrl',
      'settings.branding.welcomeMessage',
      'settings.security.ipWhitelist.0',
      'settings.surprise',
    ])
  })
})

describe('an Idempotency-Key', () => {
  test('on usage is the key of the event: counted once, and refused for another event', async () => {
    const key = { 'idempotency-key': 'order-7' }
    const first = await track({ json: { metric: 'tokens', amount: 5 }, headers: key })
    expect(first).toMatchObject({ status: 201, json: { outcome: 'accepted', used: 5 } })
    const again = await track({ json: { metric: 'tokens', amount: 5 }, headers: key })
    expect(again).toMatchObject({ status: 201, json: { outcome: 'duplicate', used: 5 } })
    expect(outcome(await track({ json: { metric: 'tokens', amount: 6 }, headers: key }))).toBe(
      '422 usage.idempotency_conflict',
    )
    expect((await call('/tenants/current/usage')).json.tokensUsed).toBe(5)
  })

  test('must be visible characters, and the same as in the body', async () => {
    for (const key of ['two words', 'x'.repeat(256)]) {
      const refused = await track({ json: { metric: 'tokens' }, headers: { 'idempotency-key': key } })
      expect(refused.json.issues).toMatchObject([{ path: 'Idempotency-Key' }])
    }
    const differing = { json: { metric: 'tokens', idempotencyKey: 'one' }, headers: { 'idempotency-key': 'two' } }
    expect((await track(differing)).json.issues).toMatchObject([{ path: 'idempotencyKey' }])
  })
})

describe('rate limits', () => {
  test('are told with every answer, and end the hundredth read with the time to wait', async () => {
    const reads = []
    for (let read = 1; read <= 100; read += 1) reads.push(await call('/tenants/current'))
    expect(new Set(reads.map(({ status }) => status))).toEqual(new Set([200]))
    expect(reads[0]?.headers).toMatchObject({ 'ratelimit-policy': '"read";q=100;w=60', ratelimit: '"read";r=99;t=60' })
    expect(reads[99]?.headers.ratelimit).toMatch(/^"read";r=0;t=\d+$/)

    const refused = await call('/tenants/current')

    expect(outcome(refused)).toBe('429 rate_limit.exceeded')
    const seconds = Number(refused.headers['retry-after'])
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThanOrEqual(60)
    expect(refused.json).toMatchObject({ limit: 100, retryAfterSeconds: seconds })
    expect((await track({ json: { metric: 'tokens' } })).status).toBe(201)
    const colleague = await session.api.installation.createUser()
    await session.api.installation.addMember(session.tenant.id, colleague.id, 'viewer')
    expect(
      (await session.api.rest('/tenants/current', { headers: await session.api.signedIn(colleague) })).status,
    ).toBe(200)
  })

  test('let ten settings updates an hour through for all of a tenant; refused ones do not count', async () => {
    for (let update = 0; update < 10; update += 1) {
      expect((await updateSettings({ json: { settings: { surprise: update } } })).status).toBe(422)
      expect((await updateSettings({ json: { settings: { custom: { update } } } })).status).toBe(200)
    }
    expect(outcome(await updateSettings({ json: { settings: { custom: { update: 11 } } } }))).toBe(
      '429 rate_limit.exceeded',
    )
    const owner = await session.api.installation.createUser()
    await session.api.installation.addMember(session.tenant.id, owner.id, 'owner')
    const sending = { method: 'PUT', json: { settings: {} }, headers: await session.api.signedIn(owner) }
    expect(outcome(await session.api.rest('/tenants/current/settings', sending))).toBe('429 rate_limit.exceeded')
  })
})

describe('headers', () => {
  test('echo a harmless X-Request-Id and replace any other, in the problem document too', async () => {
    const given = await call('/no/such/route', { headers: { 'x-request-id': 'trace-1:2.3_4' } })
    expect([given.headers['x-request-id'], given.json.requestId]).toEqual(['trace-1:2.3_4', 'trace-1:2.3_4'])
    for (const odd of ['two words', 'x'.repeat(101), '<script>', '']) {
      const replaced = await call('/me', { headers: { 'x-request-id': odd } })
      expect(replaced.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
    }
  })

  test.each(['/api/v1/plans', '/api/v1/nothing', '/api/docs', '/trpc/plans.list', '/livez'])(
    'protect whoever reads %s',
    async (path) => {
      const { headers: answered } = await session.api.send(path)
      expect(answered).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'SAMEORIGIN',
        'referrer-policy': 'no-referrer',
        'content-security-policy': expect.stringContaining("default-src 'self'"),
      })
      expect(answered).not.toHaveProperty('x-powered-by')
    },
  )

  test.each(['Connection terminated', 'Query read timeout', 'Client was closed'])(
    'are those of a bad request for an unknown field called %s',
    async (name) => {
      expect(outcome(await call(`/plans?${new URLSearchParams({ [name]: '1' })}`))).toBe('400 request.invalid')
    },
  )

  test('keep answers out of every cache', async () => {
    for (const path of ['/plans', '/me', '/no/such/route']) {
      expect((await call(path)).headers['cache-control']).toBe('no-store')
    }
  })
})
