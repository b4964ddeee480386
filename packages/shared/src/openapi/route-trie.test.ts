import { defineOperation } from '@tenantry/kernel/contract/operation'
import { t } from '@tenantry/kernel/trpc/init'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { createFixtureRouter, procedure } from '../../test/fixture-router.ts'
import { type FixtureServer, readAnswer, startServer } from '../../test/fixture-server.ts'
import { createRestHandler } from './express.ts'

let server: FixtureServer
beforeAll(async () => {
  server = await startServer(createFixtureRouter())
})
afterAll(() => server[Symbol.asyncDispose]())

const nameAt = async (path: string, init?: RequestInit) => (await readAnswer(await fetch(server.url + path, init))).name
const json = (method: string, body: unknown) => ({
  method,
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
})

function operationAt(
  method: 'GET' | 'POST',
  path: `/${string}`,
  aliases: { method: 'GET' | 'POST'; path: `/${string}` }[] = [],
) {
  return procedure(
    defineOperation({
      type: 'query',
      unitOfWork: 'none',
      permission: null,
      rest: { method, path, summary: 'Answer', tags: ['Test'], aliases },
      input: z.object({ id: z.string().optional() }),
      output: z.object({}),
    }),
  ).query(() => ({}))
}
const handlerFor = (...procedures: ReturnType<typeof operationAt>[]) =>
  createRestHandler({
    router: t.router(Object.fromEntries(procedures.map((each, index) => [`procedure${index}`, each]))),
    createContext: () => Promise.reject(new Error('never called')),
  })

test('a fixed segment wins over a parameter', async () => {
  expect(await nameAt('/tenants/current')).toBe('the selected one')
  expect(await nameAt('/tenants/acme')).toBe('acme')
})

test('a fixed segment that lacks the method leaves the path to a parameter that has it', async () => {
  expect(await nameAt('/tenants/current', json('PATCH', {}))).toBe('current')
})

test('path parameters arrive percent-decoded, slashes and all', async () => {
  expect(await nameAt('/tenants/a%2Fb%20%C3%A9+c')).toBe('a/b é+c')
})

test('an encoded fixed segment is still that segment', async () => {
  expect(await nameAt('/tenants/curren%74')).toBe('the selected one')
})

test('a path with broken encoding is an invalid request', async () => {
  for (const path of ['/tenants/%', '/tenants/%E0%A4', '/nowhere/%zz']) {
    const response = await fetch(server.url + path)
    expect([response.status, (await readAnswer(response)).code]).toEqual([400, 'request.invalid'])
  }
})

test('trailing slashes are ignored', async () => {
  expect(await nameAt('/tenants/acme/')).toBe('acme')
  expect(await nameAt('/tenants/current///')).toBe('the selected one')
})

test('an empty segment is no parameter, so that a client with an empty id reaches no other route', async () => {
  const response = await fetch(`${server.url}/tenants//users`, json('POST', {}))
  expect(response.status).toBe(404)
})

test('an alias reaches the same operation', async () => {
  expect(await nameAt('/tenants/onboard', json('POST', { name: 'Acme' }))).toBe('Acme')
  expect(await nameAt('/tenants/acme', json('PUT', { name: 'New' }))).toBe('New')
})

test('an alias may carry more fields in its path', async () => {
  const response = await fetch(`${server.url}/tenants/acme/users/u1`, json('POST', {}))
  expect(await readAnswer(response)).toEqual({ received: { tenantId: 'acme', userId: 'u1' } })
})

test('a path that no operation has is request.not_found', async () => {
  for (const path of ['/', '/nowhere', '/tenants/acme/users/u1/more']) {
    const response = await fetch(server.url + path)
    expect(response.status).toBe(404)
    expect(await readAnswer(response)).toMatchObject({ code: 'request.not_found', status: 404, requestId: 'request-1' })
  }
})

test('a method that the path lacks is refused with those it has, of every route that matches', async () => {
  const response = await fetch(`${server.url}/tenants/current`, { method: 'POST' })
  expect(response.status).toBe(405)
  expect(response.headers.get('allow')).toBe('DELETE, GET, HEAD, OPTIONS, PATCH, PUT')
  expect((await readAnswer(response)).code).toBe('request.method_not_allowed')
})

test('HEAD answers as GET does, without the body', async () => {
  const response = await fetch(`${server.url}/tenants/acme`, { method: 'HEAD' })
  const get = await fetch(`${server.url}/tenants/acme`)
  expect(response.status).toBe(200)
  expect(response.headers.get('etag')).toBe(get.headers.get('etag'))
  expect(response.headers.get('content-length')).toBe(get.headers.get('content-length'))
  expect(await response.text()).toBe('')
})

test('HEAD on a path without GET is refused', async () => {
  expect((await fetch(`${server.url}/batch`, { method: 'HEAD' })).status).toBe(405)
})

test('OPTIONS lists the methods', async () => {
  const response = await fetch(`${server.url}/batch`, { method: 'OPTIONS' })
  expect([response.status, response.headers.get('allow'), await response.text()]).toEqual([204, 'OPTIONS, POST', ''])
  expect((await fetch(`${server.url}/nowhere`, { method: 'OPTIONS' })).status).toBe(404)
})

test('two operations on one route are refused when the door is built', () => {
  expect(() => handlerFor(operationAt('GET', '/a/{id}'), operationAt('POST', '/a/{id}'))).not.toThrow()
  expect(() => handlerFor(operationAt('GET', '/a'), operationAt('GET', '/a'))).toThrow('Two operations answer GET /a')
  const aliased = operationAt('POST', '/b', [{ method: 'GET', path: '/a' }])
  expect(() => handlerFor(operationAt('GET', '/a'), aliased)).toThrow('Two operations answer GET /a')
})

test('a path parameter that the input lacks is refused when the door is built', () => {
  expect(() => handlerFor(operationAt('GET', '/a/{other}'))).toThrow('{other}')
})
