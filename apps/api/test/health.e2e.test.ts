import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openTestApi, type TestApi } from './api-server.ts'
import { bearer } from './http.ts'
import { openProductionApi, type ProductionApi } from './production-api.ts'

const metricsToken = 'a-token-for-prometheus'
const frontEnd = 'https://app.example.com'
const ready = {
  status: 200,
  json: { status: 'ok', checks: { database: 'ok', migrations: 'ok', redis: 'absent', draining: false } },
}
const gone = {
  status: 503,
  json: { status: 'unavailable', checks: { database: 'unavailable', migrations: 'unknown', draining: false } },
}

let production: ProductionApi
let development: TestApi

beforeAll(async () => {
  ;[production, development] = await Promise.all([
    openProductionApi({ METRICS_TOKEN: metricsToken, CORS_ORIGINS: frontEnd }),
    openTestApi(),
  ])
})

beforeEach(() => {
  production.gate.open()
  production.state.draining = false
})

afterAll(() => Promise.all([production.close(), development.close()]))

const me = async () => production.send('/api/v1/me', { headers: await production.signedIn('person@people.test') })
const readiness = () => production.send('/readyz')
/** Connections that were cut are replaced one by one. */
const serving = () => expect.poll(async () => (await me()).status, { timeout: 5_000 }).toBe(200)

describe('an installation with a database and an issuer of its own', () => {
  test('serves whoever the issuer vouches for', async () => {
    expect(await me()).toMatchObject({
      status: 200,
      json: { user: { email: 'person@people.test', platformAdmin: false } },
    })
  })

  test.each(['/api/v1/me', '/trpc/me.get'])(
    '%s may be called by the pages of its front ends and no others',
    async (path) => {
      const preflight = (origin: string) =>
        production.send(path, {
          method: 'OPTIONS',
          headers: {
            origin,
            'access-control-request-method': 'GET',
            'access-control-request-headers': 'authorization',
          },
        })
      const allowed = await preflight(frontEnd)
      expect(allowed.headers).toMatchObject({
        'access-control-allow-origin': frontEnd,
        'access-control-allow-headers': 'authorization',
      })
      expect(allowed.headers).not.toHaveProperty('access-control-allow-credentials')
      expect((await preflight('https://evil.example')).headers).not.toHaveProperty('access-control-allow-origin')
      const opened = await development.send(path, { method: 'OPTIONS', headers: { origin: frontEnd } })
      expect(opened.headers).not.toHaveProperty('access-control-allow-origin')
    },
  )

  test('has no door of development, and asks browsers for https', async () => {
    expect(await production.send('/dev/token', { json: { email: 'person@people.test' } })).toMatchObject({
      status: 404,
    })
    expect((await production.send('/livez')).headers['strict-transport-security']).toMatch(/max-age=\d{7}/)
    expect((await development.send('/livez')).headers).not.toHaveProperty('strict-transport-security')
  })
})

test('a database that lacks a migration of this version is not served from', async () => {
  const admin = new pg.Client(production.adminUrl)
  await admin.connect()
  try {
    const { rows } = await admin.query('delete from tenancy.migrations where name like $1 returning name', [
      '%_metering',
    ])
    expect(await readiness()).toMatchObject({
      status: 503,
      json: { checks: { database: 'ok', migrations: 'pending' } },
    })
    await admin.query('insert into tenancy.migrations (name) values ($1)', [rows[0].name])
    expect(await readiness()).toMatchObject(ready)
  } finally {
    await admin.end()
  }
})

describe('without its database', () => {
  test('it is alive but not ready, and ready again by itself when the database is back', async () => {
    await serving()
    expect(await readiness()).toMatchObject(ready)

    production.gate.cut()
    expect(await readiness()).toMatchObject(gone)
    expect(await production.send('/livez')).toMatchObject({ status: 200, json: { status: 'ok' } })

    production.gate.open()
    await expect.poll(readiness).toMatchObject(ready)
    await serving()
  })

  test('an operation that needs it says so, and when to try again', async () => {
    await serving()
    production.gate.cut()
    const { status, headers, json } = await me()
    expect({ status, code: json.code }).toEqual({ status: 503, code: 'service.overloaded' })
    expect(headers['retry-after']).toBe('1')
    expect(await production.send('/api/v1/plans')).toMatchObject({ status: 200 })
  })

  test('it says that it is not ready even where the database is silent rather than gone', async () => {
    await serving()
    production.gate.freeze()
    expect(await readiness()).toMatchObject(gone)
    production.gate.open()
    await expect.poll(readiness).toMatchObject(ready)
  })
})

test('an instance that drains is not ready, while it still answers', async () => {
  production.state.draining = true
  expect(await readiness()).toMatchObject({
    status: 503,
    json: { status: 'unavailable', checks: { database: 'ok', migrations: 'ok', draining: true } },
  })
  expect((await me()).status).toBe(200)
})

describe('metrics', () => {
  test('are for the holder of the token only', async () => {
    for (const headers of [
      {},
      bearer('wrong'),
      bearer(`${metricsToken}x`),
      { authorization: metricsToken },
      bearer(''),
    ]) {
      const refused = await production.send('/metrics', { headers })
      expect({ status: refused.status, text: refused.text }).toEqual({ status: 401, text: '' })
      expect(refused.headers['www-authenticate']).toBe('Bearer')
    }
  })

  test('count operations and connections, in the text format of Prometheus', async () => {
    await serving()
    const { status, headers, text } = await production.send('/metrics', { headers: bearer(metricsToken) })
    expect({ status, type: headers['content-type'] }).toEqual({
      status: 200,
      type: 'text/plain; version=0.0.4; charset=utf-8',
    })
    expect(text).toMatch(/^tenantry_operation_duration_seconds_count\{operation="me\.get",status="200"\} [1-9]\d*$/m)
    expect(text).toMatch(/^tenantry_database_pool_connections\{pool="application",state="idle"\} [1-9]\d*$/m)
    expect(text).toMatch(/^process_resident_memory_bytes \d+$/m)
  })

  test('need no token in development, and without one are not there in production', async () => {
    expect(await development.send('/metrics')).toMatchObject({ status: 200 })
    const guarded = await openProductionApi()
    try {
      expect(await guarded.send('/metrics', { headers: bearer(metricsToken) })).toMatchObject({ status: 404, text: '' })
    } finally {
      await guarded.close()
    }
  })
})
