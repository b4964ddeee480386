import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createFixtureRouter } from '../../test/fixture-router.ts'
import { type FixtureServer, readAnswer, startServer } from '../../test/fixture-server.ts'

let server: FixtureServer
beforeAll(async () => {
  server = await startServer(createFixtureRouter())
})
afterAll(() => server[Symbol.asyncDispose]())

async function search(query: string, depth = '3') {
  const response = await fetch(`${server.url}/search/${depth}?${query}`)
  return { status: response.status, body: await readAnswer(response) }
}
async function received(query: string) {
  return (await search(query)).body.received
}
async function send(path: string, body: string) {
  const response = await fetch(server.url + path, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  })
  return { status: response.status, body: await readAnswer(response) }
}

describe('text from query and path', () => {
  test('becomes the number, boolean or list its schema names, through optional, nullable, default and preprocess', async () => {
    expect(await received('limit=20&ratio=-1.5e2&flag=false&ids=1&ids=2&since=12&word=12')).toEqual({
      depth: 3,
      limit: 20,
      ratio: -150,
      flag: false,
      ids: [1, 2],
      since: 12,
      word: '12',
    })
  })

  test('true and false are the only booleans', async () => {
    expect((await received('flag=true')).flag).toBe(true)
    for (const text of ['1', '0', 'FALSE', 'no', '']) expect((await search(`flag=${text}`)).status).toBe(400)
  })

  test('is a number only where JSON would call it one', async () => {
    for (const text of ['', '+', '0x10', '1_000', 'NaN', 'Infinity', '%201', '1e400']) {
      expect((await search(`ratio=${text}`)).status, text).toBe(400)
    }
  })

  test('a single value of a list is a list', async () => {
    expect((await received('ids=5')).ids).toEqual([5])
  })

  test('a repeated scalar is refused by name', async () => {
    const { status, body } = await search('limit=1&limit=2')
    expect([status, body.issues?.[0]?.path]).toEqual([400, 'limit'])
  })

  test('an empty value stays an empty string', async () => {
    expect((await received('word=')).word).toBe('')
    const { body } = await search('limit=')
    expect(body.issues?.[0]?.path).toBe('limit')
  })

  test('a path parameter that does not fit is refused by name', async () => {
    const { status, body } = await search('', 'deep')
    expect([status, body.issues?.[0]?.path]).toEqual([400, 'depth'])
  })

  test('an unknown field is refused by name, __proto__ as any other', async () => {
    for (const name of ['colour', '__proto__', 'constructor', '__proto__[admin]']) {
      const { status, body } = await search(`${encodeURIComponent(name)}=x`)
      expect([status, body.issues]).toEqual([400, [{ path: name, message: 'Unknown field.' }]])
    }
  })

  test('leaves the schemas strict for the tRPC door', async () => {
    expect((await search('flag=false&limit=5')).status).toBe(200)
    const ask = (json: unknown) =>
      fetch(`${server.trpcUrl}/echo.search?input=${encodeURIComponent(JSON.stringify({ json }))}`)
    expect((await ask({ depth: 1, flag: 'false' })).status).toBe(400)
    expect((await ask({ depth: '1' })).status).toBe(400)
    expect((await ask({ depth: 1, flag: false })).status).toBe(200)
  })
})

describe('fields of a body', () => {
  test('are taken as they are', async () => {
    for (const [name, value] of [
      ['flag', 'false'],
      ['count', '5'],
      ['count', null],
    ]) {
      const { status, body } = await send('/tenants/acme/users', JSON.stringify({ [String(name)]: value }))
      expect([status, body.issues?.[0]?.path]).toEqual([400, name])
    }
  })

  test('must agree with the path', async () => {
    const differing = await send('/tenants/acme/users/u1', '{"userId":"u2"}')
    expect(differing.status).toBe(400)
    expect(differing.body.issues).toEqual([{ path: 'userId', message: 'Differs from the path.' }])
    const same = await send('/tenants/acme/users/u1', '{"userId":"u1"}')
    expect(same.body.received).toEqual({ tenantId: 'acme', userId: 'u1' })
  })

  test('a query of the same name must agree with the path too', async () => {
    expect((await search('depth=4')).body.issues?.[0]?.path).toBe('depth')
    expect((await search('depth=3')).status).toBe(200)
  })

  test('do not travel in the query', async () => {
    const { status, body } = await send('/tenants/acme/users?flag=true', '{}')
    expect([status, body.issues?.[0]?.path]).toEqual([400, 'flag'])
  })

  test('__proto__ reaches the schema at every depth, so that it can be refused', async () => {
    const outer = await send('/tenants/acme/users', '{"__proto__":{"flag":true}}')
    expect([outer.status, outer.body.issues?.[0]?.path]).toEqual([400, '__proto__'])
    const inner = await send('/tenants/acme/users', '{"settings":{"__proto__":{"admin":true}}}')
    expect([inner.status, inner.body.issues?.[0]?.path]).toEqual([400, 'settings'])
  })
})
