import { expect, test } from 'vitest'
import { createLogger } from './logger.ts'

function openLog(level = 'info') {
  const lines: string[] = []
  const logger = createLogger({ level, destination: { write: (line) => lines.push(line) } })
  return { logger, lines, last: () => JSON.parse(lines.at(-1) ?? 'null') }
}

test.each([
  { authorization: 'Bearer hush' },
  { req: { headers: { authorization: 'hush', cookie: 'hush', 'x-api-key': 'hush' } } },
  {
    client: {
      credentials: { apiKey: 'hush', deeper: [{ password: 'hush', clientSecret: 'hush', access_token: 'hush' }] },
    },
  },
  { err: Object.assign(new Error('refused'), { config: { headers: { Authorization: 'hush' } } }) },
  { token: { value: 'hush' }, key: Buffer.from('hush') },
  {
    api_key: 'hush',
    privateKey: 'hush',
    signingKey: 'hush',
    tokens: ['hush'],
    credentials: 'hush',
    passphrase: 'hush',
  },
  { DATABASE_URL: 'postgres://jo:hush@db/tenantry', url: new URL('postgres://jo:hush@db/tenantry') },
  { wrapped: { password: 'hush', toJSON: () => ({ password: 'hush' }) } },
  { a: { b: { c: { d: { e: { f: { g: { h: { token: 'hush' } } } } } } } } },
])('a secret reaches no log line: %j', (fields) => {
  const { logger, lines } = openLog()
  logger.info(fields, 'something')
  expect(lines).toHaveLength(1)
  expect(lines[0]).not.toContain('hush')
})

test('a secret bound to a child logger reaches no log line', () => {
  const { logger, lines } = openLog()
  logger.child({ token: 'hush', headers: { 'x-api-key': 'hush' } }).info('something')
  expect(lines[0]).not.toContain('hush')
})

test('what is no secret is logged as it is', () => {
  const { logger, last } = openLog()
  const at = new Date('2026-01-02T03:04:05Z')
  logger.info(
    { operation: 'tenants.info', tokensUsed: 3, email: 'jo@acme.test', nothing: { token: null }, at, ids: ['a', 'b'] },
    'done',
  )
  expect(last()).toMatchObject({
    tokensUsed: 3,
    email: 'jo@acme.test',
    nothing: { token: null },
    at: at.toISOString(),
    ids: ['a', 'b'],
  })
})

test('an error keeps its message, stack and cause', () => {
  const { logger, last } = openLog()
  logger.error(new TypeError('outer', { cause: new Error('inner') }))
  expect(last()).toMatchObject({ level: 'error', err: { type: 'TypeError', message: 'outer: inner' } })
  expect(last().err.stack).toContain('inner')
})

test('logging leaves the logged object alone', () => {
  const fields = { headers: { authorization: 'kept' } }
  openLog().logger.info(fields)
  expect(fields).toEqual({ headers: { authorization: 'kept' } })
})

test('an object that contains itself can be logged', () => {
  const { logger, lines } = openLog()
  const circle: Record<string, unknown> = { password: 'hush' }
  circle.self = circle
  logger.info({ circle })
  expect(lines[0]).not.toContain('hush')
})

test('a line has level, ISO time and message, and nothing about the machine', () => {
  const { logger, last } = openLog()
  logger.warn('slow')
  expect(Object.keys(last())).toEqual(['level', 'time', 'msg'])
  expect(last().level).toBe('warn')
  expect(new Date(last().time).toISOString()).toBe(last().time)
})
