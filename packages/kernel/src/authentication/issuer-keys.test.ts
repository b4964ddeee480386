import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { systemClock } from '../context/clock.ts'
import { createDevelopmentIssuer, createDevelopmentKey } from './development-issuer.ts'
import { discoverIssuer, jwksKeys, type KeyFetching } from './issuer-keys.ts'
import { createTokenVerifier } from './token-verifier.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-01-01T00:00:00Z') })
})
afterEach(() => {
  vi.useRealTimers()
})

const wait = (seconds: number) => vi.setSystemTime(systemClock.now().getTime() + seconds * 1000)

async function listen(answer: RequestListener) {
  const state = { answer, requests: [] as string[] }
  const server = createServer((request, response) => {
    state.requests.push(request.url ?? '')
    state.answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { state, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const json =
  (content: unknown, status = 200): RequestListener =>
  (_, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content))

function issuerAt(issuer: string) {
  return createDevelopmentIssuer({ issuer, audience: 'tenantry', key: createDevelopmentKey(), clock: systemClock })
}

async function openJwks(fetching: Partial<KeyFetching> = {}) {
  const known = issuerAt('https://issuer.test')
  const { state, url } = await listen(json(known.publicJwks))
  const keys = jwksKeys(url, fetching)
  const issuers = [{ issuer: known.issuer, audience: known.audience, keys }]
  const verifier = createTokenVerifier({ issuers, clock: systemClock })
  let people = 0
  return {
    state,
    known,
    /** Verifies a token nobody has seen before. */
    verifyNew: async (signer = known) => verifier.verify(await signer.sign({ email: `${people++}@example.com` })),
  }
}

const overloaded = { code: 'service.overloaded', status: 503, details: { retryAfterSeconds: 3 } }
const unknownKey = { code: 'auth.unauthenticated', message: expect.stringContaining('does not publish') }

test('keys are fetched once for many tokens, and not before the first', async () => {
  const { state, verifyNew } = await openJwks()
  expect(state.requests).toEqual([])
  await Promise.all(Array.from({ length: 20 }, () => verifyNew()))
  expect(state.requests).toHaveLength(1)
})

test('a storm of unknown keys asks the issuer once in ten seconds', async () => {
  const { state, verifyNew } = await openJwks()
  await verifyNew()
  const storm = () => Promise.allSettled(Array.from({ length: 20 }, () => verifyNew(issuerAt('https://issuer.test'))))
  await storm()
  expect(state.requests).toHaveLength(1)
  wait(11)
  const attempts = await storm()
  expect(attempts[19]).toMatchObject({ status: 'rejected', reason: unknownKey })
  expect(state.requests).toHaveLength(2)
})

test('a new key is found when the first token signed with it arrives', async () => {
  const { state, verifyNew } = await openJwks()
  await verifyNew()
  const next = issuerAt('https://issuer.test')
  state.answer = json(next.publicJwks)
  wait(11)
  expect((await verifyNew(next)).emailVerified).toBe(true)
})

test('a withdrawn key is refused after five minutes', async () => {
  const { state, verifyNew } = await openJwks()
  await verifyNew()
  state.answer = json({ keys: [] })
  wait(299)
  expect((await verifyNew()).emailVerified).toBe(true)
  wait(1)
  await expect(verifyNew()).rejects.toMatchObject(unknownKey)
})

test('an issuer that is down makes the service unavailable, not the token wrong, until it is back', async () => {
  const { state, verifyNew, known } = await openJwks()
  state.answer = json({}, 500)
  await expect(verifyNew()).rejects.toMatchObject(overloaded)
  state.answer = json(known.publicJwks)
  wait(3)
  expect((await verifyNew()).emailVerified).toBe(true)
})

test('an issuer that is down is asked once in three seconds', async () => {
  const { state, verifyNew } = await openJwks()
  state.answer = json({}, 500)
  for (let call = 0; call < 5; call++) await expect(verifyNew()).rejects.toMatchObject(overloaded)
  expect(state.requests).toHaveLength(1)
  wait(3)
  await expect(verifyNew()).rejects.toMatchObject(overloaded)
  expect(state.requests).toHaveLength(2)
})

test('keys that are known serve on while the issuer is down', async () => {
  const { state, verifyNew } = await openJwks()
  await verifyNew()
  state.answer = json({}, 500)
  wait(60)
  await expect(verifyNew(issuerAt('https://issuer.test'))).rejects.toMatchObject(overloaded)
  expect((await verifyNew()).emailVerified).toBe(true)
})

test('an issuer that never answers is given up on', async () => {
  const { state, verifyNew } = await openJwks({ timeoutMilliseconds: 50 })
  state.answer = () => {}
  await expect(verifyNew()).rejects.toMatchObject(overloaded)
})

test.each([
  ['no JSON', ((_, response) => response.end('<html>')) satisfies RequestListener],
  ['no key set', json({ keys: 'none' })],
  ['a redirect', ((_, response) => response.writeHead(302, { location: '/' }).end()) satisfies RequestListener],
])('an issuer that answers with %s counts as down', async (_, answer) => {
  const { state, verifyNew } = await openJwks()
  state.answer = answer
  await expect(verifyNew()).rejects.toMatchObject(overloaded)
  await expect(verifyNew()).rejects.toMatchObject(overloaded)
  expect(state.requests).toHaveLength(1)
})

test('nothing listening counts as down', async () => {
  const issuer = issuerAt('https://issuer.test')
  const trusted = { issuer: issuer.issuer, audience: issuer.audience, keys: 'http://127.0.0.1:1/jwks' }
  const verifier = createTokenVerifier({ issuers: [trusted], clock: systemClock })
  await expect(verifier.verify(await issuer.sign({ email: 'a@example.com' }))).rejects.toMatchObject(overloaded)
})

async function openDiscovery(document: (url: string) => object) {
  const { state, url } = await listen(json({}, 500))
  const known = issuerAt(url)
  const answer: RequestListener = (request, response) => {
    const content = request.url === '/.well-known/openid-configuration' ? document(url) : known.publicJwks
    json(content)(request, response)
  }
  const issuers = [{ issuer: url, audience: known.audience, keys: discoverIssuer(url) }]
  const verifier = createTokenVerifier({ issuers, clock: systemClock })
  const verify = async () => verifier.verify(await known.sign({ email: 'ada@example.com' }))
  return { state, verify, start: () => Object.assign(state, { answer }) }
}

test('an issuer that starts after us is found when it is there', async () => {
  const { state, verify, start } = await openDiscovery((url) => ({ issuer: url, jwks_uri: `${url}/keys` }))
  expect(state.requests).toEqual([])
  await expect(verify()).rejects.toMatchObject(overloaded)
  start()
  wait(3)
  expect((await verify()).email).toBe('ada@example.com')
  expect(state.requests.slice(-2)).toEqual(['/.well-known/openid-configuration', '/keys'])
})

test.each([
  ['another issuer', (url: string) => ({ issuer: `${url}/`, jwks_uri: `${url}/keys` }), 'calls itself'],
  ['no keys', (url: string) => ({ issuer: url }), 'jwks_uri'],
  ['keys in a file', (url: string) => ({ issuer: url, jwks_uri: 'file:///etc/passwd' }), 'jwks_uri'],
])('a discovery document of %s is not believed', async (_, document, reason) => {
  const { state, verify, start } = await openDiscovery(document)
  start()
  const cause = { message: expect.stringContaining(reason) }
  await expect(verify()).rejects.toMatchObject({ ...overloaded, cause })
  expect(state.requests).toEqual(['/.well-known/openid-configuration'])
})
