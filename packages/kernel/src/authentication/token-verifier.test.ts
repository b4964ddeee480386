import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { createLocalJWKSet, exportJWK, type JWTPayload, type JWTVerifyGetKey, SignJWT } from 'jose'
import { expect, test } from 'vitest'
import type { AppError } from '../errors/app-error.ts'
import { createDevelopmentIssuer, createDevelopmentKey } from './development-issuer.ts'
import { createTokenVerifier, type TrustedIssuer } from './token-verifier.ts'

const issuer = 'https://issuer.test'
const audience = 'https://api.test'
const start = Date.parse('2026-01-01T00:00:00Z')

function openVerifier(options: Partial<TrustedIssuer> = {}) {
  const state = { now: start }
  const clock = { now: () => new Date(state.now) }
  const development = createDevelopmentIssuer({ issuer, audience, key: createDevelopmentKey(), clock })
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keys: JWTVerifyGetKey = async () => publicKey
  const verifier = createTokenVerifier({ issuers: [{ issuer, audience, keys, ...options }], clock })
  const sign = (claims: JWTPayload, header: { typ?: string } = {}) =>
    new SignJWT({ iss: issuer, aud: audience, sub: 'user-1', exp: start / 1000 + 600, ...claims })
      .setProtectedHeader({ alg: 'ES256', ...header })
      .sign(privateKey)
  return { state, clock, development, publicKey, verifier, sign }
}

const refusal = async (attempt: Promise<unknown>): Promise<AppError> =>
  attempt.then(
    () => expect.fail('the token was taken'),
    (error) => error,
  )

test('claims become an identity', async () => {
  const { verifier, sign } = openVerifier()
  const claims = { email: 'ada@example.com', email_verified: true, name: 'Ada', tenant_id: 'acme' }
  const token = await sign({ ...claims, amr: ['pwd', 'otp', 7], auth_time: start / 1000 - 60 })
  expect(await verifier.verify(token)).toEqual({
    issuer,
    subject: 'user-1',
    email: 'ada@example.com',
    emailVerified: true,
    name: 'Ada',
    platformAdmin: false,
    tenantClaim: 'acme',
    authenticationMethods: ['pwd', 'otp'],
    authenticatedAt: new Date(start - 60_000),
    expiresAt: new Date(start + 600_000),
  })
})

test('a bare token is an identity of which little is known', async () => {
  const { verifier, sign } = openVerifier()
  expect(await verifier.verify(await sign({}))).toMatchObject({
    email: null,
    emailVerified: false,
    name: null,
    tenantClaim: null,
    authenticationMethods: [],
    authenticatedAt: null,
  })
})

test.each(['true', 1, undefined, null, 'yes'])(
  'an email counts as verified by the boolean only, not by %j',
  async (value) => {
    const { verifier, sign } = openVerifier()
    const identity = await verifier.verify(await sign({ email: 'ada@example.com', email_verified: value }))
    expect(identity).toMatchObject({ email: 'ada@example.com', emailVerified: false })
  },
)

test.each([
  [{ name: 'roles', value: 'platform_admin' }, { roles: ['viewer', 'platform_admin'] }, true],
  [{ name: 'roles', value: 'platform_admin' }, { roles: 'platform_admin' }, true],
  [{ name: 'roles', value: 'platform_admin' }, { roles: ['platform_admin_of_nothing'] }, false],
  [{ name: 'roles', value: 'platform_admin' }, { roles: { platform_admin: true } }, false],
  [{ name: 'roles', value: 'platform_admin' }, {}, false],
  [{ name: 'admin', value: 'true' }, { admin: true }, true],
  [{ name: 'admin', value: 'true' }, { admin: 1 }, false],
  [{ name: 'admin', value: 'false' }, { admin: false }, false],
  [{ name: 'realm_access.roles', value: 'root' }, { realm_access: { roles: ['root'] } }, true],
  [{ name: 'https://example.com/roles', value: 'root' }, { 'https://example.com/roles': ['root'] }, true],
  [{ name: 'constructor.name', value: 'Object' }, {}, false],
  [undefined, { roles: ['platform_admin'] }, false],
])('the platform admin claim %j with %j: %j', async (platformAdminClaim, claims, expected) => {
  const { verifier, sign } = openVerifier({ platformAdminClaim })
  expect((await verifier.verify(await sign(claims))).platformAdmin).toBe(expected)
})

test.each([
  [{ exp: start / 1000 - 6 }, 'The token has expired.'],
  [{ exp: undefined }, 'The token has no "exp" claim.'],
  [{ sub: undefined }, 'The token has no "sub" claim.'],
  [{ sub: '' }, 'The token is malformed.'],
  [{ nbf: start / 1000 + 6 }, 'The token is not valid yet.'],
  [{ aud: 'https://other.test' }, 'The token is meant for another audience.'],
  [{ aud: undefined }, 'The token has no "aud" claim.'],
  [{ iss: 'https://issuer.test/' }, 'The token comes from an issuer that is not trusted here.'],
  [{ iss: undefined }, 'The token comes from an issuer that is not trusted here.'],
])('a token with %j is refused and told why', async (claims, message) => {
  const { verifier, sign } = openVerifier()
  expect(await refusal(verifier.verify(await sign(claims)))).toMatchObject({ code: 'auth.unauthenticated', message })
})

test('clocks may differ by five seconds', async () => {
  const { verifier, sign } = openVerifier()
  const token = await sign({ exp: start / 1000 - 4, nbf: start / 1000 + 5 })
  expect((await verifier.verify(token)).subject).toBe('user-1')
})

test.each([
  ['at+jwt', true],
  ['application/at+jwt', true],
  ['JWT', true],
  ['logout+jwt', false],
  ['dpop+jwt', false],
])('a token of type %s signs in: %j', async (typ, expected) => {
  const { verifier, sign } = openVerifier()
  const attempt = verifier.verify(await sign({}, { typ })).then(
    () => true,
    () => false,
  )
  expect(await attempt).toBe(expected)
})

test('a token that claims an algorithm its key is not for is refused like any other', async () => {
  const { verifier, sign } = openVerifier()
  const [, payload, signature] = (await sign({})).split('.')
  const header = Buffer.from('{"alg":"RS256"}').toString('base64url')
  expect(await refusal(verifier.verify(`${header}.${payload}.${signature}`))).toMatchObject({ status: 401 })
})

test('no text whatsoever is taken for a token, crashes the verifier or comes back in the message', async () => {
  const { verifier, sign } = openVerifier()
  const parts = (await sign({ email: 'ada@example.com' })).split('.')
  const part = fc.oneof(fc.string(), fc.base64String(), fc.constantFrom(...parts))
  const text = fc.oneof(
    fc.string(),
    fc.array(part, { maxLength: 5 }).map((some) => some.join('.')),
  )
  const property = fc.asyncProperty(text, async (bearer) => {
    fc.pre(bearer !== parts.join('.'))
    const error = await refusal(verifier.verify(bearer))
    expect(error).toMatchObject({ code: 'auth.unauthenticated' })
    if (bearer.length > 40) expect(error.message).not.toContain(bearer)
  })
  await fc.assert(property)
})

test('an endless token is refused unread', async () => {
  const { verifier, sign } = openVerifier()
  const token = await sign({ padding: 'x'.repeat(20_000) })
  expect(await refusal(verifier.verify(token))).toMatchObject({ status: 401, message: 'The token is malformed.' })
})

test('an API key in the place of a token is told where it belongs', async () => {
  const { verifier } = openVerifier()
  const message = 'This is an API key: send it as X-API-Key.'
  expect(await refusal(verifier.verify('tk_dev_01a1'))).toMatchObject({ status: 401, message })
})

test('a remembered token ends with its time', async () => {
  const { verifier, sign, state } = openVerifier()
  const token = await sign({ exp: start / 1000 + 30 })
  await verifier.verify(token)
  state.now += 29_000
  expect((await verifier.verify(token)).subject).toBe('user-1')
  state.now += 6_000
  expect(await refusal(verifier.verify(token))).toMatchObject({ message: 'The token has expired.' })
})

test('a remembered token is checked against its keys again after a minute', async () => {
  let set = createLocalJWKSet({ keys: [] })
  const { verifier, sign, state, publicKey } = openVerifier({ keys: (header, token) => set(header, token) })
  set = createLocalJWKSet({ keys: [await exportJWK(publicKey)] })
  const token = await sign({})
  await verifier.verify(token)
  set = createLocalJWKSet({ keys: [] })
  state.now += 59_000
  expect((await verifier.verify(token)).subject).toBe('user-1')
  state.now += 1_000
  expect((await refusal(verifier.verify(token))).message).toContain('a key that its issuer does not publish')
})

test('a token that names no key is tried with each key of its issuer', async () => {
  const other = await exportJWK(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)
  let set = createLocalJWKSet({ keys: [] })
  const { verifier, sign, publicKey } = openVerifier({ keys: (header, token) => set(header, token) })
  set = createLocalJWKSet({ keys: [other, await exportJWK(publicKey)] })
  expect((await verifier.verify(await sign({}))).subject).toBe('user-1')
  set = createLocalJWKSet({ keys: [other, { ...other }] })
  const error = await refusal(verifier.verify(await sign({ sub: 'user-2' })))
  expect(error.message).toBe("The token's signature does not hold.")
})

test('of two issuers each signs for itself only', async () => {
  const { clock, development, sign, publicKey } = openVerifier()
  const other = 'https://other-issuer.test'
  const verifier = createTokenVerifier({
    issuers: [
      { ...development, issuer },
      { issuer: other, audience, keys: async () => publicKey },
    ],
    clock,
  })
  expect((await verifier.verify(await development.sign({ email: 'ada@example.com' }))).issuer).toBe(issuer)
  expect((await verifier.verify(await sign({ iss: other }))).issuer).toBe(other)
  expect(await refusal(verifier.verify(await sign({ iss: issuer })))).toMatchObject({ status: 401 })
})
