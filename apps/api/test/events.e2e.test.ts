import { get, type IncomingMessage } from 'node:http'
import { createTenantryClient, isTenantryError, type TenantryClientOptions } from '@tenantry/shared/http'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { openTestApi, type TestApi } from './api-server.ts'
import { listenBy } from './event-listener.ts'

const heartbeatMilliseconds = 100
const hour = 3_600_000
let passed = 0
let api: TestApi

beforeAll(async () => {
  const clock = { now: () => new Date(Date.now() + passed) }
  api = await openTestApi({ clock, streams: { heartbeatMilliseconds, streamsPerTenant: 2 } })
})
beforeEach(() => {
  passed = 0
})
afterAll(() => api.close())

/** A tenant of its own, how its owner connects, and what makes an event there. */
async function enter() {
  const { tenant, user, caller } = await api.installation.enter()
  let count = 0
  const rename = () => {
    count += 1
    return caller.tenants.update({ tenantId: 'current', name: `Renamed ${count}` })
  }
  const connection = { url: api.origin, token: await api.tokenOf(user), tenant: tenant.slug }
  return { tenant, user, rename, connection, client: createTenantryClient(connection) }
}

/** Sends by the platform's own, notes every address, and cuts the stream that is open when it is told to. */
function cuttable() {
  const sent: { url: string; headers: Headers }[] = []
  let cut = (): void => undefined
  const send: typeof fetch = async (input, init) => {
    sent.push({ url: String(input), headers: new Headers(init?.headers) })
    const response = await fetch(input, init)
    const through = new TransformStream<Uint8Array, Uint8Array>({
      start: (controller) => {
        cut = () => controller.error(new Error('The line is dead.'))
      },
    })
    response.body?.pipeTo(through.writable).catch(() => undefined)
    return new Response(through.readable, response)
  }
  return { sent, cut: () => cut(), options: { fetch: send } satisfies Partial<TenantryClientOptions> }
}

/** The raw answer of the door, up to the text that is waited for. */
async function readStream(headers: Record<string, string>, until: RegExp) {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = get(`${api.origin}/trpc/events.watch?input=%7B%22json%22%3A%7B%7D%7D`, { headers }, resolve)
    request.once('error', reject)
    onTestFinished(() => void request.destroy())
  })
  let text = ''
  for await (const chunk of response) {
    text += String(chunk)
    if (until.test(text)) break
  }
  return { status: response.statusCode, headers: response.headers, text }
}

describe('a client', () => {
  test('is told what happens, by a token that stands in no address', async () => {
    const { connection, rename } = await enter()
    const { sent, options } = cuttable()
    const listener = listenBy(createTenantryClient({ ...connection, ...options }))
    expect(await listener.types(1)).toEqual(['resync'])
    await rename()
    expect(await listener.types(2)).toEqual(['resync', 'tenant.updated'])
    expect(listener.states).toEqual(['connecting', 'pending'])
    expect(sent).toHaveLength(1)
    expect(sent[0]?.headers.get('authorization')).toBe(`Bearer ${connection.token}`)
    expect(sent[0]?.url).not.toContain(connection.token)
  })

  test('connects again when the line is dead, and misses nothing', async () => {
    const { connection, rename } = await enter()
    const { sent, cut, options } = cuttable()
    const listener = listenBy(createTenantryClient({ ...connection, ...options }))
    await listener.types(1)
    await rename()
    await listener.types(2)
    cut()
    await rename()
    await rename()
    expect(await listener.types(4)).toEqual(['resync', 'tenant.updated', 'tenant.updated', 'tenant.updated'])
    // In the header or in the input: the clients of both know where they were.
    expect(`${sent[1]?.headers.get('last-event-id')} ${sent[1]?.url}`).toContain(listener.items[1]?.id)
    expect(listener.states.join(' ')).toMatch(/^connecting pending( connecting)+ pending$/)
    expect(listener.errors).toEqual([])
  })

  test('goes on after an id that it kept', async () => {
    const { client, rename } = await enter()
    const first = listenBy(client)
    await first.types(1)
    first.leave()
    await rename()
    const second = listenBy(client, { lastEventId: first.items[0]?.id ?? '' })
    expect(await second.types(1)).toEqual(['tenant.updated'])
  })

  test('that leaves is let go, and its place is free', async () => {
    const { client } = await enter()
    for (let round = 0; round < 5; round += 1) {
      const listener = listenBy(client)
      await listener.types(1)
      listener.leave()
      await expect.poll(listener.ended).toBe(true)
    }
  })

  test('ends by its signal', async () => {
    const { client } = await enter()
    const leave = new AbortController()
    const ended = new Promise<void>((resolve, reject) => {
      client.events.watch.subscribe(
        {},
        { signal: leave.signal, onData: () => leave.abort(), onComplete: resolve, onError: reject },
      )
    })
    await ended
  })

  test('is refused like any call: nobody, a stranger, one too many', async () => {
    const { connection, client } = await enter()
    const { connection: stranger } = await enter()
    const refused = async (options: TenantryClientOptions) => {
      const listener = listenBy(createTenantryClient(options))
      await expect.poll(() => listener.errors.length).toBe(1)
      expect(listener.items).toEqual([])
      const [error] = listener.errors
      return isTenantryError(error) ? error.problem : error
    }
    expect(await refused({ url: api.origin, tenant: connection.tenant })).toMatchObject({
      code: 'auth.unauthenticated',
      status: 401,
    })
    expect(await refused({ ...stranger, tenant: connection.tenant })).toMatchObject({ code: 'tenant.not_found' })
    for (const listener of [listenBy(client), listenBy(client)]) await listener.types(1)
    expect(await refused(connection)).toMatchObject({ code: 'event.too_many_streams', status: 429, limit: 2 })
  })

  test('whose token runs out is sent away', async () => {
    const { client } = await enter()
    const listener = listenBy(client)
    await listener.types(1)
    passed = 9 * hour
    await expect.poll(() => listener.errors.length).toBe(1)
    expect(isTenantryError(listener.errors[0], 'auth.unauthenticated')).toBe(true)
  })

  test('whose provider has a new token goes on with it, and misses nothing', async () => {
    const { user, connection, rename } = await enter()
    const { sent, options } = cuttable()
    const client = createTenantryClient({ ...connection, ...options, token: () => api.tokenOf(user) })
    const listener = listenBy(client)
    await listener.types(1)
    passed = 9 * hour
    await expect.poll(() => sent.length).toBe(2)
    await rename()
    expect(await listener.types(2)).toEqual(['resync', 'tenant.updated'])
    expect(listener.errors).toEqual([])
  })
})

describe('the stream', () => {
  test('is no page to keep, says who answers, what is left of the limit, and that it is alive', async () => {
    const { connection } = await enter()
    const signedIn = { authorization: `Bearer ${connection.token}`, 'x-tenant-id': connection.tenant }
    const { status, headers, text } = await readStream(signedIn, /(event: ping[\s\S]*){2}/)
    expect(status).toBe(200)
    expect(headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-request-id': expect.any(String),
      'ratelimit-policy': expect.stringContaining('"read"'),
      ratelimit: expect.stringContaining('"read";r='),
    })
    expect(text).toMatch(/^event: connected\ndata: \{"reconnectAfterInactivityMs":300\}\n/)
    expect(text).toMatch(/\ndata: \{"json":\{"type":"resync".*\n?id: \d{16}\n/)
  })

  test('that is refused is a problem document in an event', async () => {
    const { text, headers } = await readStream({}, /event: serialized-error[\s\S]*\n\n/)
    expect(headers['content-type']).toBe('text/event-stream')
    const [, data = ''] = /event: serialized-error\ndata: (.*)/.exec(text) ?? []
    expect(JSON.parse(data).json.data.problem).toMatchObject({
      code: 'auth.unauthenticated',
      requestId: headers['x-request-id'],
    })
  })

  test('is no part of a batch', async () => {
    const { connection } = await enter()
    const headers = { authorization: `Bearer ${connection.token}` }
    for (const paths of ['events.watch', 'events.watch,me.get']) {
      const reply = await api.send(`/trpc/${paths}?batch=1&input=%7B%220%22:%7B%22json%22:%7B%7D%7D%7D`, { headers })
      const { error } = [reply.json].flat()[0]
      expect(`${reply.status} ${error.json.data.problem.code}`).toBe('400 request.invalid')
    }
  })
})
