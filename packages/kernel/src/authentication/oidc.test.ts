import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from 'jose'
import { type Configuration, Provider } from 'oidc-provider'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { systemClock } from '../context/clock.ts'
import { discoverIssuer } from './issuer-keys.ts'
import { createTokenVerifier } from './token-verifier.ts'

const audience = 'https://api.tenantry.test'
const credentials = { client_id: 'reporting', client_secret: 'a secret of no importance' }
const verifiedEmail = { email: 'ada@example.com', email_verified: true, name: 'Ada', tenant_id: 'acme' }

interface SigningKey {
  jwk: JWK
  publicKey: CryptoKey
}

async function createKey(alg: 'RS256' | 'ES256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { jwk: { ...(await exportJWK(privateKey)), kid: randomUUID(), alg, use: 'sig' }, publicKey }
}

function configure({ jwk }: SigningKey, claims: object): Configuration {
  const sign = { alg: jwk.alg as 'RS256' }
  const flow = { grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }
  return {
    clients: [{ ...credentials, ...flow, id_token_signed_response_alg: sign.alg }],
    jwks: { keys: [jwk] } as Configuration['jwks'],
    cookies: { keys: ['a cookie key of no importance'] },
    extraTokenClaims: () => ({ ...claims }),
    ttl: { ClientCredentials: 3600 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => ({
          scope: '',
          audience: resource,
          accessTokenFormat: 'jwt',
          jwt: { sign },
        }),
      },
    },
  }
}

// One server for the whole file: the issuer is its URL, whichever keys and claims the provider behind it has.
const server = createServer((request, response) => provider.callback()(request, response))
let provider: Provider
let issuer: string
let key: SigningKey

beforeAll(async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  key = await createKey('RS256')
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date() })
  provider = new Provider(issuer, configure(key, verifiedEmail))
})
afterEach(() => {
  vi.useRealTimers()
})

const wait = (seconds: number) => vi.setSystemTime(systemClock.now().getTime() + seconds * 1000)

function openVerifier() {
  return createTokenVerifier({ issuers: [{ issuer, audience, keys: discoverIssuer(issuer) }], clock: systemClock })
}

async function requestToken(resource = audience): Promise<string> {
  const body = new URLSearchParams({ ...credentials, grant_type: 'client_credentials', resource })
  const response = await fetch(`${issuer}/token`, { method: 'POST', body })
  const answer = (await response.json()) as { access_token?: string }
  return answer.access_token ?? expect.fail(`the provider answered ${JSON.stringify(answer)}`)
}

/** The payload of a real token under a header of our own. */
function forge(token: string, header: object, signature = ''): string {
  return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${token.split('.')[1]}.${signature}`
}

const refused = (message: string) => ({ code: 'auth.unauthenticated', message: expect.stringContaining(message) })

test('a token of a real provider is an identity', async () => {
  const identity = await openVerifier().verify(await requestToken())
  expect(identity).toMatchObject({
    issuer,
    subject: credentials.client_id,
    email: 'ada@example.com',
    emailVerified: true,
    name: 'Ada',
    tenantClaim: 'acme',
  })
})

test('an email is not verified where the provider does not say so', async () => {
  provider = new Provider(issuer, configure(key, { email: 'ada@example.com' }))
  const identity = await openVerifier().verify(await requestToken())
  expect(identity).toMatchObject({ email: 'ada@example.com', emailVerified: false })
})

test('a token for another audience is refused', async () => {
  const token = await requestToken('https://other.test')
  await expect(openVerifier().verify(token)).rejects.toMatchObject(refused('another audience'))
})

test('a token that has expired is refused, also where it was known before', async () => {
  const verifier = openVerifier()
  const token = await requestToken()
  await verifier.verify(token)
  wait(3606)
  await expect(verifier.verify(token)).rejects.toMatchObject(refused('expired'))
  await expect(openVerifier().verify(token)).rejects.toMatchObject(refused('expired'))
})

test('a token whose payload was changed is refused', async () => {
  const [header, payload = '', signature] = (await requestToken()).split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const changed = Buffer.from(JSON.stringify({ ...claims, email: 'eve@example.com' })).toString('base64url')
  const attempt = openVerifier().verify(`${header}.${changed}.${signature}`)
  await expect(attempt).rejects.toMatchObject(refused('signature'))
})

test.each(['none', 'None', 'NONE'])('a token without a signature is refused, alg %s', async (alg) => {
  const attempt = openVerifier().verify(forge(await requestToken(), { alg, kid: key.jwk.kid, typ: 'at+jwt' }))
  await expect(attempt).rejects.toMatchObject(refused('algorithm'))
})

test('a token signed with HMAC, the public key as its secret, is refused', async () => {
  const claims = JSON.parse(Buffer.from((await requestToken()).split('.')[1] ?? '', 'base64url').toString())
  for (const secret of [await exportSPKI(key.publicKey), JSON.stringify(await exportJWK(key.publicKey))]) {
    const forged = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', kid: key.jwk.kid, typ: 'at+jwt' })
      .sign(Buffer.from(secret))
    await expect(openVerifier().verify(forged)).rejects.toMatchObject(refused('algorithm'))
  }
})

test('a token that brings its own key is refused', async () => {
  const mine = await createKey('ES256')
  provider = new Provider(issuer, configure(mine, verifiedEmail))
  const token = await requestToken()
  provider = new Provider(issuer, configure(key, verifiedEmail))
  const header = { alg: 'ES256', jwk: await exportJWK(mine.publicKey), typ: 'at+jwt' }
  await expect(openVerifier().verify(token)).rejects.toMatchObject(refused('does not publish'))
  const attempt = openVerifier().verify(forge(token, header, token.split('.')[2]))
  await expect(attempt).rejects.toMatchObject(refused('does not publish'))
})

test('after a rotation new tokens verify at once, and those of the removed key no longer', async () => {
  const verifier = openVerifier()
  const old = await requestToken()
  await verifier.verify(old)

  provider = new Provider(issuer, configure(await createKey('ES256'), verifiedEmail))
  wait(11)
  expect((await verifier.verify(await requestToken())).email).toBe('ada@example.com')
  wait(300)
  await expect(verifier.verify(old)).rejects.toMatchObject(refused('does not publish'))
})
