import { expect, test } from 'vitest'
import { type Scripted, startScriptedServer } from '../../test/scripted-server.ts'
import { type AccessCaller, askAccess } from './ask.ts'

const question = { permission: 'runs:write', meter: 'pipeline_runs', amount: 2 }
const yes = { allowed: true, reasons: [], tenant: { id: '1', slug: 'acme', state: 'active' } }

async function ask(script: Scripted, caller: Partial<AccessCaller> = {}) {
  const { url, requests } = await startScriptedServer(() => script)
  const errors: unknown[] = []
  const options = { url, timeoutMilliseconds: 300, onError: (error: unknown) => void errors.push(error) }
  const verdict = await askAccess(options, { address: undefined, ...caller }, question)
  return { verdict, requests, errors }
}

test('a question is asked in the name of the caller, by everything that came with its request', async () => {
  const caller = { apiKey: 'key', tenantHeader: 'acme', requestId: 'request-4711', address: '192.0.2.7' }
  const { verdict, requests } = await ask({ data: yes }, { ...caller, authorization: 'Bearer token', tenant: 'acme' })
  expect(verdict).toEqual({ answer: yes })
  expect(requests).toMatchObject([
    {
      headers: {
        authorization: 'Bearer token',
        'x-api-key': 'key',
        'x-tenant-id': 'acme',
        'x-request-id': 'request-4711',
        'x-forwarded-for': '192.0.2.7',
      },
      calls: [{ path: 'access.check', input: { ...question, tenantId: 'acme' } }],
    },
  ])
})

test('nothing is made up: without a bearer token, a key or a tenant none is named', async () => {
  const { requests } = await ask({ data: yes }, { authorization: 'Basic b3BlcmF0b3I6c2VjcmV0' })
  expect(requests[0]?.calls).toEqual([{ path: 'access.check', input: { ...question, tenantId: 'current' } }])
  for (const name of ['authorization', 'x-tenant-id', 'x-api-key', 'x-forwarded-for']) {
    expect(requests[0]?.headers).not.toHaveProperty(name)
  }
})

test('no answer is kept: each request asks', async () => {
  const { url, requests } = await startScriptedServer((_call, attempt) =>
    attempt === 1
      ? { data: yes }
      : { data: { ...yes, allowed: false, reasons: [{ code: 'tenant.inactive', status: 403 }] } },
  )
  expect(await askAccess({ url }, { address: undefined }, question)).toHaveProperty('answer')
  expect(await askAccess({ url }, { address: undefined }, question)).toHaveProperty('problem.code', 'tenant.inactive')
  expect(requests).toHaveLength(2)
})

test('of several reasons the first is the refusal, and all are told', async () => {
  const scope = { code: 'auth.permission_denied', status: 403, title: 'Forbidden', missingScope: 'runs:write' }
  const limit = { code: 'usage.limit_exceeded', status: 429, title: 'Too Many Requests', limit: 5 }
  const { verdict } = await ask(
    { data: { ...yes, allowed: false, reasons: [scope, limit] } },
    { requestId: 'request-4711' },
  )
  expect(verdict).toEqual({ problem: { ...scope, requestId: 'request-4711', reasons: [scope, limit] } })
})

test.each([
  'auth.unauthenticated 401',
  'tenant.not_found 404',
  'rate_limit.exceeded 429',
  'api_key.access_disabled 403',
])('what the question itself is refused with is passed on, and not tried again: %s', async (refusal) => {
  const [code = '', status] = refusal.split(' ')
  const { verdict, requests, errors } = await ask({ code, status: Number(status), retryAfterSeconds: 0 })
  expect(verdict).toMatchObject({ problem: { code, status: Number(status), retryAfterSeconds: 0 } })
  expect(requests).toHaveLength(1)
  expect(errors).toEqual([])
})

test.each(['usage.unknown_meter 404', 'request.invalid 400', 'request.https_required 403', 'tenantry.new 403'])(
  'a mistake of the product in asking is told to it, and to its caller only that nothing could be found out: %s',
  async (refusal) => {
    const [code = '', status] = refusal.split(' ')
    const { verdict, errors } = await ask({ code, status: Number(status) })
    expect(verdict).toMatchObject({ problem: { code: 'service.overloaded', status: 503 } })
    expect(errors).toMatchObject([{ data: { problem: { code } } }])
  },
)

test('what listens to errors decides nothing', async () => {
  const onError = () => {
    throw new Error('the log is full')
  }
  const verdict = await askAccess({ url: 'http://127.0.0.1:1', onError }, { address: undefined }, question)
  expect(verdict).toMatchObject({ problem: { status: 503 } })
})

const halfAnAnswer = { foreign: 200, headers: { 'content-type': 'application/json' }, body: '[{', stalls: true }

test.each<{ what: string; script: Scripted }>([
  { what: 'answers nothing in time', script: 'nothing' },
  { what: 'stops in the middle of its answer', script: halfAnAnswer },
  { what: 'is overloaded', script: { code: 'service.overloaded', status: 503 } },
  { what: 'fails', script: { code: 'internal', status: 500 } },
  { what: 'is behind a proxy that answers in its place', script: { foreign: 200, body: '<h1>Welcome</h1>' } },
  { what: 'is behind a proxy that refuses', script: { foreign: 403, body: '<h1>Forbidden</h1>' } },
  { what: 'sends elsewhere', script: { foreign: 307, headers: { location: 'http://127.0.0.1:1/' } } },
  { what: 'answers what is neither yes nor no', script: { data: { ...yes, allowed: 'true' } } },
  { what: 'says no without a reason', script: { data: { ...yes, allowed: false } } },
  { what: 'gives a reason that is a success', script: { data: { allowed: false, reasons: [{ status: 200 }] } } },
  { what: 'answers null', script: { data: null } },
])('nobody is let through where Tenantry $what', async ({ script }) => {
  const { verdict } = await ask(script)
  expect(verdict).toMatchObject({ problem: { code: 'service.overloaded', status: 503, retryAfterSeconds: 1 } })
})

test('nobody is let through where Tenantry does not listen', async () => {
  const verdict = await askAccess(
    { url: 'http://127.0.0.1:1' },
    { authorization: 'Bearer any', address: undefined },
    question,
  )
  expect(verdict).toMatchObject({ problem: { status: 503 } })
})
