import type { AppRouter } from '@tenantry/control-plane'
import { createTRPCClient, httpBatchLink, httpLink, TRPCClientError } from '@trpc/client'
import superjson from 'superjson'
import { expect, test } from 'vitest'
import { adminSession } from './admin-session.ts'
import type { Reply, Sending } from './http.ts'

const session = adminSession()

const call = (path: string, sending: Sending = {}) =>
  session.api.send(`/trpc/${path}`, { ...sending, headers: { ...session.headers, ...sending.headers } })
const problemOf = ({ json }: Reply) => (Array.isArray(json) ? json[0] : json).error.json.data.problem
const options = () => ({ url: `${session.api.origin}/trpc`, transformer: superjson, headers: session.headers })

test('a typed client reads and changes, alone and in a batch', async () => {
  const client = createTRPCClient<AppRouter>({ links: [httpBatchLink(options())] })
  const [me, info, usage] = await Promise.all([
    client.me.get.query(),
    client.tenants.info.query(),
    client.tenants.usage.query(),
  ])
  expect({ tenants: me.memberships.length, slug: info.slug, tokens: usage.tokensUsed }).toEqual({
    tenants: 1,
    slug: session.tenant.slug,
    tokens: 0,
  })

  const updated = await client.tenants.updateSettings.mutate({ settings: { branding: { primaryColor: '#00ff00' } } })
  const read = await client.settings.get.query()
  expect(read).toEqual(updated)
})

test('a refusal carries its problem document, typed', async () => {
  const client = createTRPCClient<AppRouter>({ links: [httpLink(options())] })
  const refusal = await client.usage.track
    .mutate({ tenantId: session.tenant.slug, metric: 'no_such_meter' })
    .catch((error: unknown) => error)
  if (!(refusal instanceof TRPCClientError)) throw refusal
  expect(refusal.data).toEqual({
    code: 'NOT_FOUND',
    httpStatus: 404,
    path: 'usage.track',
    problem: expect.objectContaining({ code: 'usage.unknown_meter', status: 404, requestId: expect.any(String) }),
  })
  expect(JSON.stringify(refusal.data)).not.toContain('stack')
})

const asJson = { 'content-type': 'application/json' }
const large = { settings: { custom: { note: 'x'.repeat(256 * 1024) } } }
const refusals: { what: string; path: string; sending?: Sending; code: string }[] = [
  { what: 'an unknown procedure', path: 'tenants.nothing', code: '404 request.not_found' },
  {
    what: 'a query sent as a mutation',
    path: 'me.get',
    sending: { method: 'POST', json: {} },
    code: '405 request.method_not_allowed',
  },
  { what: 'a mutation sent as a query', path: 'usage.track', code: '405 request.method_not_allowed' },
  { what: 'input that is no JSON', path: 'me.get?input=%7B', code: '400 request.invalid' },
  {
    what: 'a body that is no JSON',
    path: 'usage.track',
    sending: { body: '{', headers: asJson },
    code: '400 request.invalid',
  },
  {
    what: 'a body of another media type',
    path: 'usage.track',
    sending: { body: 'x', headers: { 'content-type': 'text/plain' } },
    code: '415 request.unsupported_media_type',
  },
  {
    what: 'a body over 256 KB',
    path: 'tenants.updateSettings',
    sending: { json: { json: large } },
    code: '413 request.too_large',
  },
  {
    what: 'a batch of more than twenty calls',
    path: `${Array(21).fill('me.get').join(',')}?batch=1&input=%7B%7D`,
    code: '400 request.invalid',
  },
]

test.each(refusals)('$what is refused as REST would refuse it', async ({ path, sending, code }) => {
  const reply = await call(path, sending)
  expect(`${reply.status} ${problemOf(reply).code}`).toBe(code)
  expect(reply.headers['content-type']).toBe('application/json')
  expect(reply.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  expect(problemOf(reply).requestId).toBe(reply.headers['x-request-id'])
})

test('every call of a batch draws on the rate limit', async () => {
  const batch = `${Array(20).fill('tenants.info').join(',')}?batch=1`
  for (let round = 1; round <= 5; round += 1) expect((await call(batch)).status).toBe(200)
  const refused = await call(batch)
  expect(refused.json).toHaveLength(20)
  expect(problemOf(refused)).toMatchObject({ code: 'rate_limit.exceeded' })
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
})

test('a REST call does not loosen what the same operation takes here', async () => {
  const { slug } = session.tenant
  await session.call('/tenants/current/usage')
  await session.call(`/tenants/${slug}/usage`, { json: { metric: 'tokens', amount: 2 } })
  const reply = await call('usage.track', { json: { json: { tenantId: slug, metric: 'tokens', amount: '2' } } })
  expect(problemOf(reply).issues).toMatchObject([{ path: 'amount' }])
})

test('carries the request id in and out', async () => {
  const reply = await call('tenants.nothing', { headers: { 'x-request-id': 'trace-7' } })
  expect([reply.headers['x-request-id'], problemOf(reply).requestId]).toEqual(['trace-7', 'trace-7'])
})
