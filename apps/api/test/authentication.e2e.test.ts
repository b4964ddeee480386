import { createHmac, randomInt } from 'node:crypto'
import { createDevelopmentIssuer, createDevelopmentKey } from '@tenantry/kernel/authentication/development-issuer'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestApi, type TestApi } from './api-server.ts'
import { bearer, type Reply, type Sending } from './http.ts'

let api: TestApi

beforeAll(async () => {
  api = await openTestApi({ environment: { TRUSTED_PROXIES: '127.0.0.1' } })
})

afterAll(() => api.close())

/** A client of its own, since failures are counted by address. */
const newAddress = () => `203.0.${randomInt(256)}.${randomInt(1, 255)}`

function callMe(headers: Record<string, string>, address = newAddress()): Promise<Reply> {
  return api.rest('/me', { headers: { 'x-forwarded-for': address, ...headers } })
}

async function expectRefused(headers: Record<string, string>, detail?: RegExp): Promise<void> {
  const { status, headers: answered, json } = await callMe(headers)
  expect({ status, code: json.code }).toEqual({ status: 401, code: 'auth.unauthenticated' })
  expect(answered['www-authenticate']).toBe('Bearer')
  if (detail) expect(json.detail).toMatch(detail)
}

describe('the token door of development', () => {
  const ask = (sending: Sending) => api.send('/dev/token', { method: 'POST', ...sending })

  test('gives a token for any e-mail address, which signs that person in', async () => {
    const { status, headers, json } = await ask({ json: { email: 'New.Person@People.test' } })
    expect({ status, cache: headers['cache-control'] }).toEqual({ status: 200, cache: 'no-store' })

    const me = await callMe(bearer(json.token))
    expect(me.json.user).toMatchObject({ email: 'new.person@people.test', platformAdmin: false })
    expect((await callMe(bearer(json.token))).json.user.id).toBe(me.json.user.id)
  })

  test('makes a platform admin of the seeded operator and of nobody else', async () => {
    const { json } = await ask({ json: { email: 'operator@tenantry.test' } })
    expect((await callMe(bearer(json.token))).json.user.platformAdmin).toBe(true)
  })

  test.each([
    ['an address that is none', { json: { email: 'not an address' } }, 'email'],
    ['an unknown field', { json: { email: 'a@people.test', platformAdmin: true } }, 'platformAdmin'],
    ['no address', { json: {} }, 'email'],
    ['broken JSON', { body: '{"email":', headers: { 'content-type': 'application/json' } }, ''],
  ])('refuses %s and names it', async (_, sending, path) => {
    const { status, json } = await ask(sending)
    expect({ status, code: json.code }).toEqual({ status: 400, code: 'request.invalid' })
    expect(json.issues.map((issue: { path: string }) => issue.path)).toEqual([path])
  })

  test.each<[string, Sending]>([
    ['a form', { body: 'email=a@people.test', headers: { 'content-type': 'application/x-www-form-urlencoded' } }],
    ['JSON that is said to be text', { body: '{"email":"a@people.test"}', headers: { 'content-type': 'text/plain' } }],
    ['no body', {}],
  ])('says what to send where it gets %s', async (_, sending) => {
    const { status, json } = await ask(sending)
    expect({ status, code: json.code, detail: json.detail }).toEqual({
      status: 415,
      code: 'request.unsupported_media_type',
      detail: 'Send {"email": "…"} with `Content-Type: application/json`.',
    })
  })

  test.each(['tenantry.example', 'evil.test:3000', '127.0.0.1.evil.test', 'localhost.', '192.0.2.1'])(
    'does not exist under the foreign host %s, so that no page can rebind its name to it',
    async (host) => {
      const { status, json } = await ask({ json: { email: 'a@people.test' }, headers: { host } })
      expect({ status, code: json.code }).toEqual({ status: 404, code: 'request.not_found' })
    },
  )

  test.each(['localhost:3000', '127.0.0.1', '[::1]:8080', 'LOCALHOST'])('answers under %s', async (host) => {
    expect(await ask({ json: { email: 'a@people.test' }, headers: { host } })).toMatchObject({ status: 200 })
  })

  test('is not there without the development issuer', async () => {
    const other = await openTestApi({ environment: { AUTH_DEV_ISSUER: 'false' } })
    try {
      const { status, json } = await other.send('/dev/token', { json: { email: 'admin@acme.test' } })
      expect({ status, code: json.code }).toEqual({ status: 404, code: 'request.not_found' })
    } finally {
      await other.close()
    }
  })
})

describe('a bearer token is refused', () => {
  const person = { email: 'person@people.test' }
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = () => {
    const now = Math.floor(Date.now() / 1000)
    const { issuer, audience } = api.issuer
    return {
      iss: issuer,
      aud: audience,
      sub: person.email,
      email: person.email,
      email_verified: true,
      iat: now,
      exp: now + 600,
    }
  }
  const issuerLike = (changes: Partial<Parameters<typeof createDevelopmentIssuer>[0]>) =>
    createDevelopmentIssuer({
      issuer: api.issuer.issuer,
      audience: api.issuer.audience,
      key: api.key,
      clock: { now: () => new Date() },
      ...changes,
    })

  test('that expired, and one that is about to is not', async () => {
    const signedHoursAgo = (hours: number) =>
      issuerLike({ clock: { now: () => new Date(Date.now() - hours * 3_600_000) } }).sign(person)
    await expectRefused(bearer(await signedHoursAgo(8.1)), /expired/)
    expect((await callMe(bearer(await signedHoursAgo(7.9)))).status).toBe(200)
  })

  test('that expired, however often: it was no guess, and does not count against the address', async () => {
    const address = newAddress()
    const expired = bearer(
      await issuerLike({ clock: { now: () => new Date(Date.now() - 9 * 3_600_000) } }).sign(person),
    )
    for (let failure = 1; failure <= 12; failure += 1) {
      expect((await callMe(expired, address)).json.code).toBe('auth.unauthenticated')
    }
  })

  test('with its signature cut off', async () => {
    const token = await api.tokenOf(person)
    await expectRefused(bearer(token.slice(0, token.lastIndexOf('.') + 1)))
    await expectRefused(bearer(token.slice(0, token.lastIndexOf('.'))))
  })

  test('with another payload under its signature', async () => {
    const [header, , signature] = (await api.tokenOf(person)).split('.')
    await expectRefused(
      bearer(`${header}.${part({ ...claims(), roles: ['platform_admin'] })}.${signature}`),
      /signature/,
    )
  })

  test.each(['none', 'None', 'NONE'])('that says alg %s', async (alg) => {
    await expectRefused(bearer(`${part({ alg, typ: 'JWT' })}.${part(claims())}.`))
    await expectRefused(bearer(`${part({ alg, typ: 'JWT' })}.${part(claims())}.c2lnbmF0dXJl`))
  })

  test('that is signed by HMAC with the public key as the secret', async () => {
    const signed = `${part({ alg: 'HS256', typ: 'JWT', kid: api.key.kid })}.${part(claims())}`
    const secret = Buffer.from(api.key.x, 'base64url')
    const signature = createHmac('sha256', secret).update(signed).digest('base64url')
    await expectRefused(bearer(`${signed}.${signature}`), /algorithm/)
  })

  test('for another audience, from another issuer or by another key', async () => {
    await expectRefused(bearer(await issuerLike({ audience: 'somebody-else' }).sign(person)), /audience/)
    await expectRefused(bearer(await issuerLike({ issuer: 'urn:somebody:else' }).sign(person)), /issuer/)
    await expectRefused(bearer(await issuerLike({ key: createDevelopmentKey() }).sign(person)), /key/)
    const forged = { ...createDevelopmentKey(), kid: api.key.kid }
    await expectRefused(bearer(await issuerLike({ key: forged }).sign(person)), /signature/)
  })

  test.each([
    ['garbage', 'garbage'],
    ['three parts of nothing', 'a.b.c'],
    ['dots', '...'],
    ['the scheme once more', 'Bearer'],
    ['not ASCII', 'ä'.repeat(20)],
    ['very long', 'x'.repeat(12_000)],
  ])('that is %s', async (_, token) => {
    await expectRefused({ authorization: Buffer.from(`Bearer ${token}`).toString('latin1') })
  })
})

test('any scheme but Bearer is a failed sign-in, not an anonymous call, and told what to send', async () => {
  const token = await api.tokenOf({ email: 'person@people.test' })
  const basic = Buffer.from('admin@acme.test:secret').toString('base64')
  for (const authorization of [`Basic ${basic}`, `Digest ${token}`, token, 'Bearer', `Bearer ${token} ${token}`]) {
    await expectRefused({ authorization }, /^Send `Authorization: Bearer <token>`\.$/)
    const plans = await api.rest('/plans', { headers: { authorization, 'x-forwarded-for': newAddress() } })
    expect(plans.status).toBe(401)
  }
})

test('the scheme may be written in any case', async () => {
  const token = await api.tokenOf({ email: 'person@people.test' })
  expect((await callMe({ authorization: `bearer ${token}` })).status).toBe(200)
})

test('an API key that is none is refused like a token, with a word that says why', async () => {
  await expectRefused({ 'x-api-key': 'tk_live_abc_def_123' }, /no whole API key/)
  await expectRefused({ 'x-api-key': '' })
})

test('the eleventh failure in a row from one address is blocked, with the time to wait and an audit entry', async () => {
  const address = newAddress()
  for (let failure = 1; failure <= 10; failure += 1) {
    expect((await callMe(bearer('garbage'), address)).status).toBe(401)
  }

  const { status, headers, json } = await callMe(bearer('garbage'), address)

  expect({ status, code: json.code }).toEqual({ status: 429, code: 'auth.blocked' })
  expect(Number(headers['retry-after'])).toBeGreaterThan(50)
  expect(Number(headers['retry-after'])).toBeLessThanOrEqual(60)
  const entries = await api.installation.platformAuditEntries()
  const blocked = entries.filter(({ clientAddress }) => clientAddress === address)
  expect(blocked.map(({ action, outcome, details }) => ({ action, outcome, details }))).toEqual([
    { action: 'access.denied', outcome: 'denied', details: { code: 'auth.blocked' } },
  ])
})

test('a block shuts out no one whose token verifies, so that one bad client behind a shared address harms only itself', async () => {
  const address = newAddress()
  const good = bearer(await api.tokenOf({ email: 'person@people.test' }))
  for (let failure = 1; failure <= 10; failure += 1) await callMe(bearer('garbage'), address)
  expect((await callMe(bearer('garbage'), address)).json.code).toBe('auth.blocked')

  expect((await callMe(good, address)).status).toBe(200)
  expect((await callMe(bearer('garbage'), address)).json.code).toBe('auth.blocked')
})

test('calls without credentials are no failures, and a block does not shut them out', async () => {
  const address = newAddress()
  for (let call = 1; call <= 12; call += 1) expect((await callMe({}, address)).json.code).toBe('auth.unauthenticated')
  for (let failure = 1; failure <= 10; failure += 1) await callMe(bearer('garbage'), address)
  expect((await callMe(bearer('garbage'), address)).json.code).toBe('auth.blocked')
  expect((await api.rest('/plans', { headers: { 'x-forwarded-for': address } })).status).toBe(200)
})

test('one verification serves every call of a tRPC batch, so that a bad token counts once', async () => {
  const address = newAddress()
  const headers = { ...bearer('garbage'), 'x-forwarded-for': address }
  const batch = '/trpc/me.get,me.get,me.get,me.get,me.get,me.get,me.get,me.get,me.get,me.get,me.get,me.get?batch=1'
  const { json } = await api.send(batch, { headers })
  expect(json).toHaveLength(12)
  expect((await callMe(bearer('garbage'), address)).json.code).toBe('auth.unauthenticated')
})
