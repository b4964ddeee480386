import { lintDocument } from '@tenantry/shared/openapi/redocly.fixture'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestApi, type TestApi } from './api-server.ts'
import { createContractCheck } from './contract-check.ts'
import { operations } from './doors.ts'

let api: TestApi

beforeAll(async () => {
  api = await openTestApi()
})

afterAll(() => api.close())

test('the document is OpenAPI 3.1, has every operation, and Redocly finds nothing in it', {
  timeout: 30_000,
}, async () => {
  const { status, headers, json } = await api.send('/api/openapi.json')
  expect({ status, type: headers['content-type'] }).toEqual({ status: 200, type: 'application/json; charset=utf-8' })
  expect(json).toMatchObject({ openapi: '3.1.0', servers: [{ url: '/api/v1' }] })
  const documented = Object.values<Record<string, { operationId: string }>>(json.paths).flatMap((item) =>
    Object.values(item).map(({ operationId }) => operationId),
  )
  expect(documented.sort()).toEqual(operations.map(({ name }) => name).sort())

  const { problems, totals } = await lintDocument(json)
  expect(problems).toEqual([])
  expect(totals).toEqual({ errors: 0, warnings: 0, ignored: 0 })
})

test('the check of answers against the document finds what is wrong with one', async () => {
  const check = createContractCheck((await api.send('/api/openapi.json')).json)
  const reply = await api.send('/api/v1/plans')
  const faults = (changes: object) => check({ method: 'GET', path: '/plans', reply: { ...reply, ...changes } })
  const [plan] = reply.json.items

  expect(faults({})).toEqual([])
  expect(faults({ status: 418 })).toEqual(['the status 418 is not documented'])
  expect(faults({ headers: { ...reply.headers, 'x-request-id': undefined } })).toEqual(['it has no X-Request-Id'])
  expect(faults({ headers: { ...reply.headers, 'content-type': 'text/html' } })).toEqual([
    'the media type is text/html, not application/json',
  ])
  expect(faults({ json: { ...reply.json, items: [{ ...plan, name: 7 }] } })).toEqual(['/items/0/name must be string'])
  expect(faults({ json: { ...reply.json, surprise: 1 } })).toEqual(['the body must NOT have additional properties'])
  const problem = { ...reply, status: 429, headers: { ...reply.headers, 'content-type': 'application/problem+json' } }
  expect(check({ method: 'GET', path: '/plans', reply: { ...problem, json: { code: 'tenant.mismatch' } } })).toContain(
    '/code must be equal to one of the allowed values',
  )
})

test('the page for people loads everything it needs from here, and may load nothing from elsewhere', async () => {
  for (const path of ['/api/docs', '/api/docs/']) {
    const page = await api.send(path)
    expect({ status: page.status, type: page.headers['content-type'] }).toEqual({
      status: 200,
      type: 'text/html; charset=utf-8',
    })
    const addresses = [...page.text.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => String(address))
    const own = addresses.filter((address) => !address.startsWith('data:'))
    expect(own.length).toBeGreaterThan(2)
    for (const address of own) {
      expect(address).toMatch(/^\/(?!\/)/)
      expect(await api.send(address)).toMatchObject({ status: 200 })
    }
  }
})

test('what starts the page names no other host, and the policy of the page allows none', async () => {
  const [page, start] = [await api.send('/api/docs'), await api.send('/api/docs/start.js')]
  expect(`${page.text}\n${start.text}`).not.toMatch(/(https?:)?\/\/[\w.-]+/)
  expect(start.text).toContain("url: '/api/openapi.json'")
  // Swagger UI would otherwise ask its makers' server about the document.
  expect(start.text).toContain('validatorUrl: null')
  const policy = String(page.headers['content-security-policy'])
  expect(policy).toContain("default-src 'self'")
  expect(policy).not.toMatch(/https?:|\*|'unsafe-eval'/)
  expect(policy).toMatch(/script-src 'self'(;|$)/)
})

test('its scripts are served as scripts and may be kept; what is not there is not found', async () => {
  const script = await api.send('/api/docs/assets/swagger-ui-bundle.js')
  expect(script.headers).toMatchObject({
    'content-type': expect.stringContaining('javascript'),
    'cache-control': 'public, max-age=86400',
  })
  for (const path of ['/api/docs/assets/', '/api/docs/assets/no.js', '/api/docs/assets/..%2f..%2fpackage.json']) {
    expect({ path, status: (await api.send(path)).status }).toEqual({ path, status: 404 })
  }
})

test('the origin itself leads to the reference', async () => {
  expect(await api.send('/')).toMatchObject({ status: 302, headers: { location: '/api/docs' } })
})
