import { afterAll, beforeAll, expect, test } from 'vitest'
import { createFixtureRouter } from '../../test/fixture-router.ts'
import { type FixtureServer, readAnswer, startServer } from '../../test/fixture-server.ts'

let server: FixtureServer
beforeAll(async () => {
  server = await startServer(createFixtureRouter())
})
afterAll(() => server[Symbol.asyncDispose]())

async function update(ifMatch: string | null, body: object = {}) {
  const headers = { 'content-type': 'application/json', ...(ifMatch === null ? {} : { 'if-match': ifMatch }) }
  const response = await fetch(`${server.url}/tenants/acme`, { method: 'PATCH', headers, body: JSON.stringify(body) })
  return { status: response.status, etag: response.headers.get('etag'), body: await readAnswer(response) }
}
const get = (ifNoneMatch: string) => fetch(`${server.url}/tenants/acme`, { headers: { 'if-none-match': ifNoneMatch } })

test('a versioned answer carries its version as a strong ETag', async () => {
  expect((await fetch(`${server.url}/tenants/acme`)).headers.get('etag')).toBe('"7"')
  expect((await update(null)).etag).toBe('"8"')
})

test('an answer that is not versioned has no ETag', async () => {
  expect((await fetch(`${server.url}/tenants`)).headers.get('etag')).toBeNull()
})

test('If-Match stands in for expectedVersion', async () => {
  expect((await update('"7"')).status).toBe(200)
})

test('a stale If-Match fails the precondition, under the code of the capability', async () => {
  const { status, body } = await update('"6"')
  expect(status).toBe(412)
  expect(body).toMatchObject({
    status: 412,
    title: 'Precondition Failed',
    code: 'tenant.concurrent_update',
    currentVersion: 7,
  })
})

test('a stale expectedVersion is a conflict', async () => {
  const { status, body } = await update(null, { expectedVersion: 6 })
  expect([status, body.status, body.code]).toEqual([409, 409, 'tenant.concurrent_update'])
})

test('If-Match: * expects any version', async () => {
  expect((await update('*')).status).toBe(200)
})

test('anything but one strong tag of ours is refused', async () => {
  for (const ifMatch of ['W/"7"', '7', '"x"', '"7", "8"', '""', '"7']) {
    const { status, body } = await update(ifMatch)
    expect([ifMatch, status, body.code]).toEqual([ifMatch, 400, 'request.invalid'])
  }
})

test('If-Match and a body that expect different versions are refused', async () => {
  const { status, body } = await update('"7"', { expectedVersion: 6 })
  expect([status, body.issues]).toEqual([400, [{ path: 'expectedVersion', message: 'Differs from If-Match.' }]])
  expect((await update('"7"', { expectedVersion: 7 })).status).toBe(200)
})

test('If-Match counts only where a version is expected', async () => {
  const response = await fetch(`${server.url}/me`, { headers: { 'if-match': '"1"' } })
  expect(await readAnswer(response)).toEqual({ ifMatch: false })
})

test('a reader that has the current version gets 304, by weak comparison', async () => {
  for (const ifNoneMatch of ['"7"', 'W/"7"', '"1", W/"7"', '*']) {
    const response = await get(ifNoneMatch)
    expect([ifNoneMatch, response.status, response.headers.get('etag'), await response.text()]).toEqual([
      ifNoneMatch,
      304,
      '"7"',
      '',
    ])
  }
})

test('a reader that has another version gets the current one', async () => {
  for (const ifNoneMatch of ['"6"', '"77"', '7']) expect((await get(ifNoneMatch)).status).toBe(200)
})

test('a write is never answered by 304', async () => {
  const headers = { 'content-type': 'application/json', 'if-none-match': '"8"' }
  const response = await fetch(`${server.url}/tenants/acme`, { method: 'PATCH', headers, body: '{}' })
  expect(response.status).toBe(200)
})
