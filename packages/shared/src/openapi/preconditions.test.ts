import { afterAll, beforeAll, expect, test } from 'vitest'
import { createFixtureRouter } from '../../test/fixture-router.ts'
import { type FixtureServer, readAnswer, startServer } from '../../test/fixture-server.ts'
import { entityTag } from './preconditions.ts'

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

const currentTag = async () => (await fetch(`${server.url}/tenants/acme`)).headers.get('etag') ?? ''

test('a versioned answer carries a strong ETag that begins with its version', async () => {
  expect(await currentTag()).toMatch(/^"7\.[\w-]{16}"$/)
  expect((await update(null)).etag).toMatch(/^"8\.[\w-]{16}"$/)
})

test('of one version, answers that differ have tags that differ', () => {
  expect(entityTag({ version: 7 }, 'for an admin')).not.toBe(entityTag({ version: 7 }, 'for a viewer'))
})

test('an answer that is not versioned has no ETag', async () => {
  expect((await fetch(`${server.url}/tenants`)).headers.get('etag')).toBeNull()
})

test('If-Match stands in for expectedVersion, with the whole tag or the version alone', async () => {
  expect((await update(await currentTag())).status).toBe(200)
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
  for (const ifMatch of ['"0"', 'W/"7"', '7', '"7."', '"7.a b"', '"x"', '"7", "8"', '""', '"7']) {
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

test('a reader that has the current answer gets 304, by weak comparison', async () => {
  const tag = await currentTag()
  for (const ifNoneMatch of [tag, `W/${tag}`, `"1", W/${tag}`, '*']) {
    const response = await get(ifNoneMatch)
    expect([ifNoneMatch, response.status, response.headers.get('etag'), await response.text()]).toEqual([
      ifNoneMatch,
      304,
      tag,
      '',
    ])
  }
})

test('a reader that has another answer gets the current one', async () => {
  for (const ifNoneMatch of ['"6"', '"7"', '"7.another"', '7']) expect((await get(ifNoneMatch)).status).toBe(200)
})

test('a write is never answered by 304', async () => {
  const headers = { 'content-type': 'application/json', 'if-none-match': '"8"' }
  const response = await fetch(`${server.url}/tenants/acme`, { method: 'PATCH', headers, body: '{}' })
  expect(response.status).toBe(200)
})
