import { TRPCClientError } from '@trpc/client'
import { expect, test } from 'vitest'
import { type Scripted, startScriptedServer } from '../../test/scripted-server.ts'
import { createTenantryClient } from './client.ts'
import { isTenantryError } from './errors.ts'
import { retryDelayMilliseconds } from './retry.ts'

const overloaded = { code: 'service.overloaded', status: 503, retryAfterSeconds: 0 }
const limited = { code: 'rate_limit.exceeded', status: 429, retryAfterSeconds: 0 }
const event = { tenantId: 'acme', metric: 'api_calls' }

/** A service that refuses the first attempt and answers the second. */
async function refusingOnce(refusal: Scripted) {
  const { url, requests } = await startScriptedServer((_, attempt) => (attempt === 1 ? refusal : { data: 'answer' }))
  return { client: createTenantryClient({ url }), requests }
}

const failure = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  )

test.each([
  ['an overloaded service', overloaded],
  ['a spent rate limit', limited],
])('a read is sent again after %s', async (_, refusal) => {
  const { client, requests } = await refusingOnce(refusal)
  expect(await client.tenants.info.query()).toBe('answer')
  expect(requests).toHaveLength(2)
})

test('only the refused call of a batch is sent again', async () => {
  const { url, requests } = await startScriptedServer(({ path }, attempt) =>
    path === 'tenants.info' && attempt === 1 ? limited : { data: path },
  )
  const { tenants } = createTenantryClient({ url })
  await Promise.all([tenants.info.query(), tenants.limits.query()])
  expect(requests.map(({ calls }) => calls.map(({ path }) => path))).toEqual([
    ['tenants.info', 'tenants.limits'],
    ['tenants.info'],
  ])
})

test('a spent rate limit has done nothing: a mutation is sent again', async () => {
  const { client, requests } = await refusingOnce(limited)
  expect(await client.tenants.updateSettings.mutate({ settings: {} })).toBe('answer')
  expect(requests).toHaveLength(2)
})

test('an overloaded service may have done it: a mutation is not sent again', async () => {
  const { client, requests } = await refusingOnce(overloaded)
  const error = await failure(client.usage.track.mutate(event))
  expect(isTenantryError(error, 'service.overloaded')).toBe(true)
  expect(requests).toHaveLength(1)
})

test('a mutation with an idempotency key is sent again, with the same key', async () => {
  for (const [input, options] of [
    [event, { context: { idempotencyKey: 'event-1' } }],
    [{ ...event, idempotencyKey: 'event-1' }, {}],
  ] as const) {
    const { client, requests } = await refusingOnce(overloaded)
    expect(await client.usage.track.mutate(input, options)).toBe('answer')
    const keys = requests.map(({ headers, calls }) => {
      const named = calls[0]?.input as { idempotencyKey?: string }
      return headers['idempotency-key'] ?? named.idempotencyKey
    })
    expect(keys).toEqual(['event-1', 'event-1'])
  }
})

test('a key does not help where the operation takes none', async () => {
  const { client, requests } = await refusingOnce(overloaded)
  await failure(client.tenants.updateSettings.mutate({ settings: {} }, { context: { idempotencyKey: 'key' } }))
  expect(requests).toHaveLength(1)
})

test('a spent quota is not tried again: it carries what was used of what', async () => {
  const { client, requests } = await refusingOnce({ code: 'usage.limit_exceeded', status: 429, retryAfterSeconds: 0 })
  const error = await failure(client.usage.track.mutate({ ...event, idempotencyKey: 'event-1' }))
  expect(isTenantryError(error, 'usage.limit_exceeded') && error.problem).toMatchObject({
    code: 'usage.limit_exceeded',
    status: 429,
  })
  expect(requests).toHaveLength(1)
})

test.each(['auth.blocked', 'auth.unauthenticated', 'tenant.not_found', 'internal'])(
  '%s is not tried again',
  async (code) => {
    const { client, requests } = await refusingOnce({
      code,
      status: code === 'auth.blocked' ? 429 : 500,
      retryAfterSeconds: 0,
    })
    expect(isTenantryError(await failure(client.tenants.info.query()))).toBe(true)
    expect(requests).toHaveLength(1)
  },
)

test('it gives up after the retries it may make', async () => {
  const { url, requests } = await startScriptedServer(() => overloaded)
  await failure(createTenantryClient({ url }).tenants.info.query())
  expect(requests).toHaveLength(3)
  await failure(createTenantryClient({ url, retries: 0 }).tenants.info.query())
  expect(requests).toHaveLength(4)
})

test('a wait longer than the longest is left to the caller', async () => {
  const { client, requests } = await refusingOnce({ ...limited, retryAfterSeconds: 60 })
  const error = await failure(client.tenants.info.query())
  expect(isTenantryError(error, 'rate_limit.exceeded') && error.problem.retryAfterSeconds).toBe(60)
  expect(requests).toHaveLength(1)
})

test('an abort ends the wait, and nothing more is sent', async () => {
  const { url, requests } = await startScriptedServer(() => ({ ...limited, retryAfterSeconds: 5 }))
  const leave = new AbortController()
  const abortOnceRead: typeof fetch = async (input, init) => {
    const response = await fetch(input, init)
    const body = await response.text()
    setImmediate(() => leave.abort())
    return new Response(body, response)
  }
  const client = createTenantryClient({ url, fetch: abortOnceRead })
  const error = await failure(client.tenants.info.query(undefined, { signal: leave.signal }))
  expect(error).toMatchObject({ cause: { name: 'AbortError' } })
  expect(requests).toHaveLength(1)
})

test('a proxy’s 503 is waited for as it says; another page of its is no answer', async () => {
  const html = { 'content-type': 'text/html' }
  const { client, requests } = await refusingOnce({ foreign: 503, headers: { ...html, 'retry-after': '0' } })
  expect(await client.tenants.info.query()).toBe('answer')
  expect(requests).toHaveLength(2)
  const broken = await refusingOnce({ foreign: 502, headers: html })
  const error = await failure(broken.client.tenants.info.query())
  expect(error).toMatchObject({ cause: { name: 'ForeignAnswerError', status: 502 } })
  expect(isTenantryError(error)).toBe(false)
  expect(broken.requests).toHaveLength(1)
})

test('it waits at least as long as told, and backs off where nothing is told', () => {
  const read = { type: 'query', path: 'tenants.info', input: undefined, context: {} } as const
  const refused = (retryAfterSeconds?: number) =>
    Object.assign(new TRPCClientError('refused'), { problem: { code: 'rate_limit.exceeded', retryAfterSeconds } })
  const waits = (attempt: number, retryAfterSeconds?: number) =>
    Array.from({ length: 200 }, () => retryDelayMilliseconds(read, refused(retryAfterSeconds), attempt) ?? Number.NaN)
  for (const [given, least, most] of [
    [waits(1, 7), 7000, 7200],
    [waits(1), 100, 200],
    [waits(2), 200, 400],
  ] as const) {
    expect(Math.min(...given)).toBeGreaterThanOrEqual(least)
    expect(Math.max(...given)).toBeLessThanOrEqual(most)
    expect(new Set(given).size).toBeGreaterThan(100)
  }
})
