import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import superjson from 'superjson'
import { expect, onTestFinished, test } from 'vitest'
import { createTenantryClient, type TenantryClientOptions } from './client.ts'
import { isTenantryError } from './errors.ts'

type Turn = (response: ServerResponse) => void

const open = (response: ServerResponse) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write('event: connected\ndata: {}\nretry: 10\n\n')
}
const event = (name: string, data: unknown) => `event: ${name}\ndata: ${JSON.stringify(superjson.serialize(data))}\n\n`

/** Tells of one event and stays open. */
const tells =
  (id: string): Turn =>
  (response) => {
    open(response)
    response.write(`data: ${JSON.stringify(superjson.serialize({ type: 'tenant.updated' }))}\nid: ${id}\n\n`)
  }

/** Tells of one event and breaks off. */
const breaksAfter =
  (id: string): Turn =>
  (response) => {
    tells(id)(response)
    setImmediate(() => response.destroy())
  }

/** Ends the stream by a refusal, after an event if one is named. */
const refuses =
  (code: string, retryAfterSeconds?: number, id?: string): Turn =>
  (response) => {
    if (id === undefined) open(response)
    else tells(id)(response)
    const problem = { code, status: 429, detail: code, retryAfterSeconds }
    response.end(event('serialized-error', { message: code, code: -32029, data: { code: 'ANY', problem } }))
  }

/** Stands in for the service and what is before it; each connection takes the next turn. Ends with the test. */
async function startStreams(...turns: Turn[]) {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    turns[requests.length - 1]?.(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  /** The id that a request goes on after, by whichever way it says so. */
  const lastId = (request: IncomingMessage | undefined) => {
    const { searchParams } = new URL(request?.url ?? '', 'http://service')
    const input = superjson.deserialize<{ lastEventId?: string }>(JSON.parse(searchParams.get('input') ?? '{}'))
    return request?.headers['last-event-id'] ?? input.lastEventId
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, lastId }
}

function watch(options: TenantryClientOptions) {
  const watched = { ids: [] as string[], errors: [] as unknown[] }
  const stream = createTenantryClient(options).events.watch.subscribe(
    {},
    { onData: ({ id }) => void watched.ids.push(id), onError: (error) => void watched.errors.push(error) },
  )
  onTestFinished(() => stream.unsubscribe())
  return watched
}

test('a spent rate limit is waited out, and the stream goes on after what came last', async () => {
  const { url, requests, lastId } = await startStreams(refuses('rate_limit.exceeded', 1, '7'), tells('8'))
  const startedAt = performance.now()
  const { ids, errors } = watch({ url, longestWaitMilliseconds: 0 })
  await expect.poll(() => ids, { timeout: 5_000 }).toEqual(['7', '8'])
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(1_000)
  expect(lastId(requests[1])).toBe('7')
  expect(errors).toEqual([])
})

test('a balancer without a server behind it is asked again', async () => {
  const { url, requests, lastId } = await startStreams(
    breaksAfter('1'),
    (response) => response.writeHead(503).end('<h1>Bad gateway</h1>'),
    tells('2'),
  )
  const { ids, errors } = watch({ url })
  await expect.poll(() => ids).toEqual(['1', '2'])
  expect(requests.map(lastId)).toEqual([undefined, '1', '1'])
  expect(errors).toEqual([])
})

test('a server that does not answer in time is asked again', async () => {
  const { url } = await startStreams(breaksAfter('1'), () => undefined, tells('2'))
  const { ids, errors } = watch({ url, timeoutMilliseconds: 300 })
  await expect.poll(() => ids).toEqual(['1', '2'])
  expect(errors).toEqual([])
})

test('a provider that hangs is asked again', async () => {
  const { url } = await startStreams(breaksAfter('1'), tells('2'))
  let asked = 0
  const token = () => (++asked === 2 ? new Promise<string>(() => undefined) : 'token')
  const { ids, errors } = watch({ url, token, timeoutMilliseconds: 300 })
  await expect.poll(() => ids).toEqual(['1', '2'])
  expect(asked).toBe(3)
  expect(errors).toEqual([])
})

test('each connection has what the providers say by then', async () => {
  const { url, requests } = await startStreams(breaksAfter('1'), tells('2'))
  let asked = 0
  const token = () => {
    asked += 1
    return `token-${asked}`
  }
  const { ids } = watch({ url, token, tenant: 'acme' })
  await expect.poll(() => ids).toEqual(['1', '2'])
  expect(requests.map(({ headers }) => [headers.authorization, headers['x-tenant-id']])).toEqual([
    ['Bearer token-1', 'acme'],
    ['Bearer token-2', 'acme'],
  ])
})

test('a token that ran out is replaced once; where there is no newer one the stream ends', async () => {
  const over = refuses('auth.unauthenticated')
  const renewed = await startStreams(refuses('auth.unauthenticated', undefined, '1'), tells('2'))
  const tokens = ['old', 'new']
  const { ids, errors } = watch({ url: renewed.url, token: () => tokens.shift() ?? 'newest' })
  await expect.poll(() => ids).toEqual(['1', '2'])
  expect(renewed.lastId(renewed.requests[1])).toBe('1')
  expect(errors).toEqual([])

  const stale = await startStreams(over, over, over)
  const ended = watch({ url: stale.url, token: () => 'old' })
  await expect.poll(() => ended.errors.length).toBe(1)
  expect(isTenantryError(ended.errors[0], 'auth.unauthenticated')).toBe(true)
  expect(stale.requests).toHaveLength(2)

  const fixed = await startStreams(over, over)
  const refused = watch({ url: fixed.url, token: 'old' })
  await expect.poll(() => refused.errors.length).toBe(1)
  expect(fixed.requests).toHaveLength(1)
})

test('any other refusal ends the stream, and so does an answer of something else', async () => {
  const refused = await startStreams(refuses('tenant.not_found'))
  const foreign = await startStreams((response) => response.writeHead(404).end())
  for (const { url, requests } of [refused, foreign]) {
    const { errors } = watch({ url })
    await expect.poll(() => errors.length).toBe(1)
    expect(requests).toHaveLength(1)
  }
})
