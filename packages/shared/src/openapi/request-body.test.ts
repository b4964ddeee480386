import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createFixtureRouter } from '../../test/fixture-router.ts'
import { type FixtureServer, readAnswer, startServer } from '../../test/fixture-server.ts'
import { defaultBodyLimitBytes } from './request-body.ts'

let server: FixtureServer
beforeAll(async () => {
  server = await startServer(createFixtureRouter())
})
afterAll(() => server[Symbol.asyncDispose]())

const users = '/tenants/acme/users'
const json = { 'content-type': 'application/json' }

async function post(path: string, headers: Record<string, string>, body?: string | Uint8Array<ArrayBuffer>) {
  const response = await fetch(server.url + path, { method: 'POST', headers, body })
  return { status: response.status, body: await readAnswer(response) }
}

/** A request whose body the test writes itself, over a connection of its own. */
function openPost(path: string, headers: Record<string, string | number>): ClientRequest {
  const opened = request(server.url + path, {
    method: 'POST',
    agent: false,
    headers: { ...json, connection: 'keep-alive', ...headers },
  })
  opened.flushHeaders()
  return opened
}

async function answerOf(opened: ClientRequest) {
  const [response] = (await once(opened, 'response')) as [IncomingMessage]
  const text = (await response.toArray()).join('')
  return { status: response.statusCode, connection: response.headers.connection, body: JSON.parse(text) }
}

const jsonOfSize = (bytes: number) => JSON.stringify({ text: 'x'.repeat(bytes - '{"text":""}'.length) })

test('no body at all is an empty object', async () => {
  expect(await post(users, {})).toEqual({ status: 200, body: { received: { tenantId: 'acme' } } })
  expect((await post(users, { 'content-type': 'text/plain' })).status).toBe(200)
  const chunked = openPost(users, { 'transfer-encoding': 'chunked' })
  chunked.end()
  expect((await answerOf(chunked)).status).toBe(200)
})

test('JSON is taken by any of its names', async () => {
  for (const type of [
    'application/json',
    'Application/JSON; charset=UTF-8',
    'application/json;charset="utf-8";x=y',
    'application/merge-patch+json',
  ]) {
    expect((await post(users, { 'content-type': type }, '{"flag":true}')).body.received.flag, type).toBe(true)
  }
})

test('any other media type, charset or coding is refused', async () => {
  const types = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'text/json',
    'application/jsonp',
    'nonsense',
    'application/json; charset=latin1',
  ]
  for (const type of types) {
    const { status, body } = await post(users, { 'content-type': type }, '{}')
    expect([type, status, body.code]).toEqual([type, 415, 'request.unsupported_media_type'])
  }
  expect((await post(users, { ...json, 'content-encoding': 'gzip' }, '{}')).status).toBe(415)
  expect((await post(users, { ...json, 'content-encoding': 'identity' }, '{}')).status).toBe(200)
})

test('a body that is no JSON object in UTF-8 is refused, and told why', async () => {
  const bodies: [string | Uint8Array<ArrayBuffer>, string][] = [
    ['{"flag":', 'The body is not valid JSON.'],
    ['[]', 'The body must be a JSON object.'],
    ['null', 'The body must be a JSON object.'],
    ['"text"', 'The body must be a JSON object.'],
    [new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]), 'The body is not valid UTF-8.'],
  ]
  for (const [sent, detail] of bodies) {
    expect(await post(users, json, sent)).toMatchObject({ status: 400, body: { code: 'request.invalid', detail } })
  }
})

test('a body up to the limit is taken, in bytes and not in characters', async () => {
  expect((await post(users, json, jsonOfSize(defaultBodyLimitBytes))).status).toBe(400)
  const { status, body } = await post(users, json, jsonOfSize(defaultBodyLimitBytes).replace('x', 'é'))
  expect([status, body.code]).toEqual([413, 'request.too_large'])
})

test('an operation may take more', async () => {
  expect(await post('/batch', json, jsonOfSize(400_000))).toEqual({ status: 200, body: { length: 399_989 } })
  expect((await post('/batch', json, jsonOfSize(400_001))).status).toBe(413)
})

test('a body announced as too large is refused before any of it arrives', async () => {
  const opened = openPost(users, { 'content-length': defaultBodyLimitBytes + 1 })
  expect(await answerOf(opened)).toMatchObject({
    status: 413,
    connection: 'close',
    body: { code: 'request.too_large' },
  })
  opened.destroy()
})

test('a body of unknown length is refused as soon as it passes the limit', async () => {
  const opened = openPost(users, { 'transfer-encoding': 'chunked' })
  opened.write('x'.repeat(defaultBodyLimitBytes))
  opened.write('x')
  expect(await answerOf(opened)).toMatchObject({
    status: 413,
    connection: 'close',
    body: { code: 'request.too_large' },
  })
  opened.destroy()
})

test('a method without a body refuses one instead of dropping it', async () => {
  const response = await fetch(`${server.url}/tenants/acme`, {
    method: 'DELETE',
    headers: json,
    body: '{"force":true}',
  })
  expect([response.status, (await readAnswer(response)).code]).toEqual([400, 'request.invalid'])
})

test('a body that breaks off leaves the server answering', async () => {
  const opened = openPost(users, { 'content-length': 100 })
  opened.on('error', () => {})
  opened.write('{', () => opened.destroy())
  await expect.poll(() => server.log).toMatchObject([{ level: 40, procedure: 'echo.body' }])
  expect((await post(users, {})).status).toBe(200)
})
