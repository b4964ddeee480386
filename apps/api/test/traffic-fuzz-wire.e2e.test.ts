import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestApi, type TestApi } from './api-server.ts'

let api: TestApi
let authorization: string
let slug: string

beforeAll(async () => {
  api = await openTestApi({ environment: { METRICS_TOKEN: 'a-token-of-some-length' } })
  const { tenant, user } = await api.installation.enter({ role: 'admin' })
  slug = tenant.slug
  authorization = (await api.signedIn(user)).authorization
})

afterAll(() => api.close())

interface Received {
  status: number
  head: string
  body: string
}

const nothing: Received = { status: 0, head: '', body: '' }
const patienceMilliseconds = 5_000

/** Sends bytes as they are, which no HTTP client would; the answers until the server closes the connection. */
function exchange(bytes: string): Promise<Received[]> {
  const { promise, resolve, reject } = Promise.withResolvers<Received[]>()
  const received: Buffer[] = []
  const { hostname, port } = new URL(api.origin)
  const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(bytes, 'latin1'))
  socket.setTimeout(patienceMilliseconds, () => socket.destroy(new Error(`no answer: ${Buffer.concat(received)}`)))
  socket.on('data', (data) => received.push(data))
  // A connection that is reset after the answer has told all it had to tell.
  socket.on('error', (error) => (received.length > 0 ? resolve(split(received)) : reject(error)))
  socket.on('close', () => resolve(split(received)))
  return promise
}

const split = (received: Buffer[]): Received[] =>
  Buffer.concat(received)
    .toString('latin1')
    .split(/(?=HTTP\/1\.1 \d{3} )/)
    .filter((answer) => answer !== '')
    .map((answer) => {
      const [head = '', body = ''] = answer.split('\r\n\r\n')
      return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0), head, body }
    })

const requestText = (line: string, fields: string[] = [], body = '') =>
  [line, 'Host: localhost', 'Connection: close', ...fields, '', body].join('\r\n')

const get = (path: string, ...fields: string[]) => requestText(`GET ${path} HTTP/1.1`, fields)
const signedIn = () => `Authorization: ${authorization}`
const json = 'Content-Type: application/json'
const posting = (path: string, body: string, ...fields: string[]) =>
  requestText(`POST ${path} HTTP/1.1`, [signedIn(), ...fields, `Content-Length: ${Buffer.byteLength(body)}`], body)

interface Fault {
  what: string
  bytes(): string
  answers: number
}

const usage = () => `/api/v1/tenants/${slug}/usage`
const tokens = '{"metric":"tokens"}'

const faults: Fault[] = [
  { what: 'a broken percent code', bytes: () => get('/api/v1/tenants/%zz', signedIn()), answers: 400 },
  { what: 'a percent code that is no UTF-8', bytes: () => get('/api/v1/tenants/%ff%fe', signedIn()), answers: 400 },
  { what: 'a NUL in the path', bytes: () => get('/api/v1/tenants/%00', signedIn()), answers: 404 },
  { what: 'a NUL in the query', bytes: () => get('/api/v1/plans?%00=%00'), answers: 400 },
  { what: 'a line break in the path', bytes: () => get('/api/v1/tenants/%0d%0aX-Evil:%201', signedIn()), answers: 404 },
  { what: 'dot segments', bytes: () => get('/api/v1/../../etc/passwd'), answers: 404 },
  {
    what: 'dot segments in percent codes',
    bytes: () => get('/api/docs/assets/%2e%2e/%2e%2e/package.json'),
    answers: 404,
  },
  { what: 'a broken percent code in a file name', bytes: () => get('/api/docs/assets/%'), answers: 404 },
  { what: 'a NUL in a file name', bytes: () => get('/api/docs/assets/%00.css'), answers: 404 },
  {
    what: 'a range beyond a file',
    bytes: () => get('/api/docs/assets/swagger-ui.css', 'Range: bytes=99999999-'),
    answers: 200,
  },
  {
    what: 'a precondition on a file',
    bytes: () => get('/api/docs/assets/swagger-ui.css', 'If-Match: "x"'),
    answers: 400,
  },
  { what: 'an empty segment', bytes: () => get('/api/v1/tenants//usage', signedIn()), answers: 404 },
  { what: 'many slashes', bytes: () => get(`/api/v1/${'/'.repeat(5_000)}plans`), answers: 404 },
  { what: 'many segments', bytes: () => get(`/api/v1${'/a'.repeat(4_000)}`), answers: 404 },
  { what: 'a backslash', bytes: () => get('/api/v1\\plans'), answers: 404 },
  { what: 'an encoded reserved segment', bytes: () => get('/api/v1/tenants/%63urrent', signedIn()), answers: 200 },
  { what: 'an absolute address', bytes: () => get('http://evil.test/api/v1/plans'), answers: 200 },
  { what: 'an address of 20 KB', bytes: () => get(`/api/v1/plans?x=${'x'.repeat(20_000)}`), answers: 431 },
  { what: 'a header of 20 KB', bytes: () => get('/api/v1/plans', `X-Tenant-ID: ${'x'.repeat(20_000)}`), answers: 431 },
  { what: 'a thousand header fields', bytes: () => get('/api/v1/plans', ...Array(1_000).fill('A: b')), answers: 431 },
  { what: 'a query field twice', bytes: () => get('/api/v1/me?a=1&a=2', signedIn()), answers: 400 },
  {
    what: 'a tenant twice',
    bytes: () => get('/api/v1/tenants/current', signedIn(), 'X-Tenant-ID: a', 'X-Tenant-ID: b'),
    answers: 404,
  },
  { what: 'two credentials', bytes: () => get('/api/v1/me', signedIn(), 'Authorization: Bearer x'), answers: 200 },
  { what: 'a raw byte in a header', bytes: () => get('/api/v1/me', signedIn(), 'X-Tenant-ID: \xff\x80'), answers: 200 },
  { what: 'a NUL in a header', bytes: () => get('/api/v1/me', 'X-Tenant-ID: a\0b'), answers: 400 },
  { what: 'a folded header', bytes: () => get('/api/v1/plans', 'X-Request-Id: a', ' b'), answers: 400 },
  { what: 'a space in a header name', bytes: () => get('/api/v1/plans', 'X-Request-Id : a'), answers: 400 },
  { what: 'no Host', bytes: () => 'GET /api/v1/plans HTTP/1.1\r\nConnection: close\r\n\r\n', answers: 400 },
  { what: 'two Hosts', bytes: () => get('/api/v1/plans', 'Host: evil.test'), answers: 200 },
  { what: 'a Host that is none', bytes: () => get('/api/v1/plans').replace('localhost', '[::1'), answers: 200 },
  { what: 'an unknown method', bytes: () => requestText('BREW /api/v1/plans HTTP/1.1'), answers: 400 },
  { what: 'TRACE', bytes: () => requestText('TRACE /api/v1/plans HTTP/1.1'), answers: 405 },
  { what: 'OPTIONS *', bytes: () => requestText('OPTIONS * HTTP/1.1'), answers: 404 },
  {
    what: 'an overridden method',
    bytes: () => get('/api/v1/tenants/current/settings', signedIn(), 'X-HTTP-Method-Override: PUT'),
    answers: 200,
  },
  {
    what: 'an overridden method in the query',
    bytes: () => get('/api/v1/me?_method=DELETE', signedIn()),
    answers: 400,
  },
  { what: 'HTTP/2', bytes: () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', answers: 400 },
  { what: 'an unknown version', bytes: () => get('/api/v1/plans').replace('HTTP/1.1', 'HTTP/9.9'), answers: 400 },
  { what: 'no HTTP at all', bytes: () => '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03', answers: 400 },
  {
    what: 'an upgrade',
    bytes: () => get('/trpc/plans.list', 'Upgrade: websocket', 'Connection: Upgrade'),
    answers: 200,
  },
  { what: 'an unknown expectation', bytes: () => get('/api/v1/plans', 'Expect: miracles'), answers: 417 },
  { what: 'a body that is no JSON', bytes: () => posting(usage(), '{"metric":', json), answers: 400 },
  {
    what: 'a body that is no UTF-8',
    bytes: () => posting(usage(), '{"metric":"\xff"}', json).replace('Length: 15', 'Length: 14'),
    answers: 400,
  },
  { what: 'a body in another charset', bytes: () => posting(usage(), tokens, `${json}; charset=utf-16`), answers: 415 },
  {
    what: 'a body of a form',
    bytes: () => posting(usage(), 'metric=tokens', 'Content-Type: application/x-www-form-urlencoded'),
    answers: 415,
  },
  { what: 'a media type that is none', bytes: () => posting(usage(), tokens, 'Content-Type: ;;;'), answers: 415 },
  { what: 'two lengths', bytes: () => posting(usage(), tokens, json, 'Content-Length: 5'), answers: 400 },
  {
    what: 'a negative length',
    bytes: () => requestText(`POST ${usage()} HTTP/1.1`, [signedIn(), json, 'Content-Length: -1']),
    answers: 400,
  },
  {
    what: 'a length and chunks',
    bytes: () => posting(usage(), tokens, json, 'Transfer-Encoding: chunked'),
    answers: 400,
  },
  {
    what: 'chunks that are none',
    bytes: () =>
      requestText(
        `POST ${usage()} HTTP/1.1`,
        [signedIn(), json, 'Transfer-Encoding: chunked'],
        'zz\r\n{}\r\n0\r\n\r\n',
      ),
    answers: 400,
  },
  {
    what: 'a token request of another charset',
    bytes: () => posting('/dev/token', '{}', `${json}; charset=latin9`),
    answers: 415,
  },
  {
    what: 'a token request that is no gzip',
    bytes: () => posting('/dev/token', '{}', json, 'Content-Encoding: gzip'),
    answers: 400,
  },
  { what: 'a token request without an object', bytes: () => posting('/dev/token', '[]', json), answers: 400 },
  { what: 'a metrics token in odd bytes', bytes: () => get('/metrics', 'Authorization: Bearer \xff'), answers: 401 },
]

describe('on the wire', () => {
  test.each(faults)('$what is answered with $answers', async ({ bytes, answers }) => {
    const [reply = nothing] = await exchange(bytes())
    expect(reply.status).toBe(answers)
    expect(reply.head).not.toMatch(/^X-Evil/im)
    // What the HTTP parser refuses by itself has no body.
    if (answers >= 400 && /^Content-Type:/im.test(reply.head)) {
      expect(reply.head).toMatch(/^Content-Type: application\/problem\+json/im)
      expect(JSON.parse(reply.body)).toMatchObject({
        status: answers,
        code: expect.any(String),
        requestId: expect.any(String),
      })
    }
    expect((await api.send('/livez')).status).toBe(200)
  })

  test('a request hidden behind another on the same connection is a request of its own', async () => {
    const first = get('/api/v1/plans').replace('Connection: close\r\n', '')
    const statuses = (await exchange(first + get('/api/v1/me'))).map(({ status }) => status)
    expect(statuses).toEqual([200, 401])
  })

  test('an answer whose caller has gone leaves the service as it was', async () => {
    const { hostname, port } = new URL(api.origin)
    const half = `POST ${usage()} HTTP/1.1\r\nHost: localhost\r\n${signedIn()}\r\n${json}\r\nContent-Length: 500\r\n\r\n{"metric"`
    for (let turn = 0; turn < 20; turn += 1) {
      await new Promise<void>((resolve) => {
        const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(half, () => socket.destroy()))
        socket.on('close', () => resolve())
      })
    }
    expect((await api.rest('/me', { headers: { authorization } })).status).toBe(200)
  })
})
