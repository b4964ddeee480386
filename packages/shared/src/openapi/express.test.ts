import { once } from 'node:events'
import { request } from 'node:http'
import { authErrors } from '@tenantry/kernel/contract/errors'
import express from 'express'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createFixtureRouter } from '../../test/fixture-router.ts'
import { type FixtureServer, readAnswer, startServer } from '../../test/fixture-server.ts'
import { createRestHandler } from './express.ts'

let server: FixtureServer
let waiting = Promise.withResolvers<AbortSignal | undefined>()
beforeAll(async () => {
  server = await startServer(createFixtureRouter((signal) => waiting.resolve(signal)))
})
afterAll(() => server[Symbol.asyncDispose]())

const json = { 'content-type': 'application/json' }
const get = (path: string) => fetch(server.url + path)

test('an answer is plain JSON that no cache keeps', async () => {
  const response = await get('/tenants/acme')
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(response.headers.get('x-request-id')).toBe('request-1')
  expect(await readAnswer(response)).toEqual({
    id: 'acme',
    name: 'acme',
    version: 7,
    createdAt: '2026-01-02T03:04:05.000Z',
  })
})

test('an operation answers with the status it declares', async () => {
  const created = await fetch(`${server.url}/tenants`, { method: 'POST', headers: json, body: '{"name":"Acme"}' })
  expect([created.status, (await readAnswer(created)).name]).toEqual([201, 'Acme'])
  const removed = await fetch(`${server.url}/tenants/acme?force=true`, { method: 'DELETE' })
  expect([removed.status, removed.headers.get('content-type'), await removed.text()]).toEqual([204, null, ''])
})

test('a page links to the next one and keeps the rest of the query', async () => {
  const response = await get('/tenants?limit=2&q=a%26b%3E&tags=1&tags=2&cursor=x')
  expect(response.headers.get('link')).toBe(
    '</api/v1/tenants?limit=2&q=a%26b%3E&tags=1&tags=2&cursor=b%2Fc%3D>; rel="next"',
  )
  expect((await get('/tenants?cursor=last')).headers.get('link')).toBeNull()
})

test('a declared error is a problem document', async () => {
  const response = await fetch(`${server.url}/tenants?`, { method: 'POST', headers: json, body: '{"name":"taken"}' })
  expect(response.status).toBe(409)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(await readAnswer(response)).toEqual({
    type: 'urn:tenantry:error:tenant.slug_taken',
    title: 'Conflict',
    status: 409,
    detail: 'Another tenant has this slug.',
    instance: '/api/v1/tenants',
    code: 'tenant.slug_taken',
    requestId: 'request-1',
  })
})

test('a limit says when to try again', async () => {
  const response = await get('/failures/limited')
  expect([response.status, response.headers.get('retry-after')]).toEqual([429, '30'])
})

test('a caller without credentials is told how to give them', async () => {
  const response = await get('/failures/anonymous')
  expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
})

test('an undeclared error leaves without its words', async () => {
  const response = await get('/failures/undeclared')
  expect(response.status).toBe(500)
  const body = await response.text()
  expect(JSON.parse(body).code).toBe('internal')
  expect(body).not.toContain('hunter2')
})

test('an answer that breaks its own schema is our error, not the caller’s', async () => {
  const response = await get('/failures/output')
  expect([response.status, (await readAnswer(response)).code]).toEqual([500, 'internal'])
})

test('a declared error is not logged as a failure', async () => {
  const before = server.log.length
  await get('/failures/limited')
  expect(server.log).toHaveLength(before)
})

test('a caller that leaves aborts its call, and the server goes on', async () => {
  waiting = Promise.withResolvers()
  const opened = request(`${server.url}/wait`, { agent: false })
  opened.on('error', () => {})
  opened.end()
  const signal = await waiting.promise
  expect(signal?.aborted).toBe(false)
  opened.destroy()
  if (signal?.aborted === false) await once(signal, 'abort')
  expect((await get('/me')).status).toBe(200)
})

test('a context that refuses the request is answered as a problem, one that breaks is left to the application', async () => {
  const app = express()
  const failures: unknown[] = [authErrors.unauthenticated(), new Error('no context')]
  app.use(
    '/api/v1',
    createRestHandler({ router: createFixtureRouter(), createContext: () => Promise.reject(failures.shift()) }),
  )
  const handed: unknown[] = []
  app.use(((error, _request, response, _next) => {
    handed.push(error)
    response.status(599).end()
  }) satisfies express.ErrorRequestHandler)
  const listening = app.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  const { port } = listening.address() as { port: number }
  const refused = await fetch(`http://127.0.0.1:${port}/api/v1/me`)
  expect([refused.status, (await readAnswer(refused)).code]).toEqual([401, 'auth.unauthenticated'])
  expect((await fetch(`http://127.0.0.1:${port}/api/v1/me`)).status).toBe(599)
  expect(handed).toEqual([new Error('no context')])
  listening.closeAllConnections()
  listening.close()
})
