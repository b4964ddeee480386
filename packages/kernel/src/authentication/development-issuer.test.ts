import { decodeJwt } from 'jose'
import { expect, test } from 'vitest'
import { createDevelopmentIssuer, createDevelopmentKey, developmentKey } from './development-issuer.ts'
import { createTokenVerifier } from './token-verifier.ts'

const start = new Date('2026-01-01T00:00:00Z')
const hours = 60 * 60 * 1000

function openIssuer(key = createDevelopmentKey()) {
  const state = { now: start }
  const clock = { now: () => state.now }
  const development = createDevelopmentIssuer({ issuer: 'http://localhost/dev', audience: 'tenantry', key, clock })
  return { state, key, development, verifier: createTokenVerifier({ issuers: [development], clock }) }
}

test('a token is an identity with a verified email, signed in by password now', async () => {
  const { development, verifier } = openIssuer()
  const token = await development.sign({ email: 'Ada@Example.com', name: 'Ada' })
  expect(await verifier.verify(token)).toEqual({
    issuer: 'http://localhost/dev',
    subject: 'ada@example.com',
    email: 'ada@example.com',
    emailVerified: true,
    name: 'Ada',
    platformAdmin: false,
    tenantClaim: null,
    authenticationMethods: ['pwd'],
    authenticatedAt: start,
    expiresAt: new Date(start.getTime() + 8 * hours),
  })
})

test('only who is asked to be one is a platform admin', async () => {
  const { development, verifier } = openIssuer()
  const token = await development.sign({ email: 'root@example.com', platformAdmin: true })
  expect((await verifier.verify(token)).platformAdmin).toBe(true)
})

test('one email is one subject, however it is written', async () => {
  const { development } = openIssuer()
  const tokens = await Promise.all(['ada@example.com', ' ADA@example.COM '].map((email) => development.sign({ email })))
  expect(new Set(tokens.map((token) => decodeJwt(token).sub)).size).toBe(1)
})

test('a token lasts eight hours', async () => {
  const { development, verifier, state } = openIssuer()
  const token = await development.sign({ email: 'ada@example.com' })
  state.now = new Date(start.getTime() + 8 * hours - 1000)
  expect((await verifier.verify(token)).subject).toBe('ada@example.com')
  state.now = new Date(start.getTime() + 8 * hours + 5000)
  await expect(verifier.verify(token)).rejects.toMatchObject({ message: 'The token has expired.' })
})

test('tokens survive a restart that keeps the key, and no other', async () => {
  const { development, key } = openIssuer()
  const token = await development.sign({ email: 'ada@example.com' })
  const stored = developmentKey.parse(JSON.parse(JSON.stringify(key)))
  expect((await openIssuer(stored).verifier.verify(token)).subject).toBe('ada@example.com')
  await expect(openIssuer().verifier.verify(token)).rejects.toMatchObject({ code: 'auth.unauthenticated' })
})

test('what is published holds no private part', () => {
  const { development, key } = openIssuer()
  expect(JSON.stringify(development.publicJwks)).not.toContain(key.d)
  expect(development.publicJwks.keys).toHaveLength(1)
})
