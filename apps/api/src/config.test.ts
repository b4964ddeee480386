import { randomBytes } from 'node:crypto'
import { ConfigurationError } from '@tenantry/installation/environment'
import { describe, expect, test } from 'vitest'
import { readConfig } from './config.ts'

const key = (id: string) => `${id}:${randomBytes(32).toString('base64')}`

const external = {
  DATABASE_URL: 'postgres://tenantry_app:secret@db.example/tenantry',
  PLATFORM_DATABASE_URL: 'postgresql://tenantry_platform:secret@db.example/tenantry',
  JOBS_DATABASE_URL: 'postgres://tenantry_jobs:secret@db.example/tenantry',
  CONTEXT_SIGNING_KEYS: key('new'),
  ENCRYPTION_KEYS: `${key('new')},${key('old')}`,
  OIDC_ISSUER: 'https://issuer.example',
  OIDC_AUDIENCE: 'tenantry',
}

/** The variables a refusal names, in its order. */
function refused(source: Record<string, string>): string[] {
  try {
    readConfig(source)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError)
    const [title, ...problems] = (error as Error).message.split('\n')
    expect(title).toBe('The configuration is not valid:')
    return problems.map((problem) => /^ {2}(\w+): \S/.exec(problem)?.[1] ?? problem)
  }
  return []
}

test('nothing set is an embedded installation at home, with its development issuer', () => {
  expect(readConfig({})).toMatchObject({
    PORT: 3000,
    HOST: '127.0.0.1',
    DATA_DIR: '.tenantry',
    DATABASE_POOL_SIZE: 20,
    LOG_LEVEL: 'info',
    embedded: true,
    developmentIssuer: true,
  })
})

test('a value of the wrong form is refused by what was expected, and never repeated', () => {
  const wrong = { PORT: 'abc', DATABASE_POOL_SIZE: '1.5', METRICS_TOKEN: 'hush', LOG_LEVEL: 'loud', LOG_REQUESTS: 'on' }
  expect(() => readConfig(wrong)).toThrow(
    `The configuration is not valid:
  PORT: Expected an integer from 0 to 65535.
  DATABASE_POOL_SIZE: Expected an integer from 1 to 500.
  LOG_LEVEL: Expected trace, debug, info, warn, error, fatal, or silent.
  METRICS_TOKEN: Expected a text of at least 16 characters.
  LOG_REQUESTS: Expected true or false.`,
  )
})

test('an empty variable is an absent one', () => {
  expect(readConfig({ PORT: '', DATABASE_URL: '', OIDC_ISSUER: '' })).toMatchObject({ PORT: 3000, embedded: true })
})

test('a database of its own needs keys and an issuer, and has no development issuer', () => {
  const config = readConfig(external)
  expect(config).toMatchObject({ embedded: false, developmentIssuer: false })
  expect(config.ENCRYPTION_KEYS?.map(({ id }) => id)).toEqual(['new', 'old'])
  expect(refused({ DATABASE_URL: external.DATABASE_URL })).toEqual([
    'PLATFORM_DATABASE_URL',
    'JOBS_DATABASE_URL',
    'CONTEXT_SIGNING_KEYS',
    'ENCRYPTION_KEYS',
    'OIDC_ISSUER',
    'OIDC_AUDIENCE',
  ])
})

describe('the development issuer', () => {
  test.each(['127.0.0.1', 'localhost', '::1'])('is there on %s', (HOST) => {
    expect(readConfig({ HOST }).developmentIssuer).toBe(true)
    expect(readConfig({ HOST, AUTH_DEV_ISSUER: 'true' }).developmentIssuer).toBe(true)
  })

  test('is off where somebody says so, or has an issuer', () => {
    expect(readConfig({ AUTH_DEV_ISSUER: 'false' }).developmentIssuer).toBe(false)
    expect(readConfig({ OIDC_ISSUER: 'https://issuer.example', OIDC_AUDIENCE: 'tenantry' }).developmentIssuer).toBe(
      false,
    )
  })

  test.each([
    ['another host', { HOST: '0.0.0.0' }, ['OIDC_ISSUER', 'AUTH_DEV_ISSUER']],
    ['all interfaces of IPv6', { HOST: '::' }, ['OIDC_ISSUER', 'AUTH_DEV_ISSUER']],
    ['an issuer', { OIDC_ISSUER: 'https://issuer.example', OIDC_AUDIENCE: 'tenantry' }, ['AUTH_DEV_ISSUER']],
    ['a database of its own', external, ['AUTH_DEV_ISSUER']],
  ])('refuses to be demanded beside %s', (_, source, names) => {
    expect(refused({ ...source, AUTH_DEV_ISSUER: 'true' })).toEqual(names)
  })

  test('must be replaced by a real one where others can reach the host', () => {
    expect(refused({ HOST: '0.0.0.0' })).toEqual(['OIDC_ISSUER'])
    expect(
      readConfig({ HOST: '0.0.0.0', OIDC_ISSUER: 'https://issuer.example', OIDC_AUDIENCE: 'tenantry' }),
    ).toMatchObject({
      embedded: true,
      developmentIssuer: false,
    })
  })
})

describe('production', () => {
  const complete = { ...external, TRUSTED_PROXIES: '10.0.0.1' }
  const read = (source: Record<string, string>) => readConfig(source, { production: true })

  test('requires https, logs requests and drains slowly, unless told otherwise', () => {
    expect(read(complete)).toMatchObject({
      production: true,
      embedded: false,
      developmentIssuer: false,
      REQUIRE_HTTPS: true,
      LOG_REQUESTS: true,
      DRAIN_DELAY_MS: 5_000,
      DRAIN_TIMEOUT_MS: 20_000,
    })
    const told = { REQUIRE_HTTPS: 'false', LOG_REQUESTS: 'false', DRAIN_DELAY_MS: '0', DRAIN_TIMEOUT_MS: '1' }
    expect(read({ ...external, ...told })).toMatchObject({
      REQUIRE_HTTPS: false,
      LOG_REQUESTS: false,
      DRAIN_DELAY_MS: 0,
      DRAIN_TIMEOUT_MS: 1,
    })
  })

  test('is not what a start without it is, whatever the database', () => {
    expect(readConfig(external)).toMatchObject({
      production: false,
      REQUIRE_HTTPS: false,
      LOG_REQUESTS: false,
      DRAIN_DELAY_MS: 0,
      DRAIN_TIMEOUT_MS: 1_000,
    })
  })

  test('believes an issuer by https only, or on the same machine', () => {
    expect(() => read({ ...complete, OIDC_ISSUER: 'http://issuer.example' })).toThrow('OIDC_ISSUER: must be https')
    expect(() => readConfig({ ...external, OIDC_ISSUER: 'http://issuer.example' })).toThrow('must be https')
    expect(read({ ...complete, OIDC_ISSUER: 'http://127.0.0.1:8080' }).OIDC_ISSUER).toBe('http://127.0.0.1:8080')
  })
})

test('https cannot be required where nobody could vouch for it', () => {
  expect(refused({ REQUIRE_HTTPS: 'true' })).toEqual(['TRUSTED_PROXIES'])
  expect(refused({ SMTP_URL: 'smtp://mail.example' })).toEqual(['MAIL_FROM'])
})

test('links in mails lead to the service itself unless told, and in production it must be told', () => {
  expect(readConfig({}).PUBLIC_URL).toBe('http://127.0.0.1:3000')
  expect(readConfig({ HOST: '::1', PORT: '8080' }).PUBLIC_URL).toBe('http://[::1]:8080')
  expect(readConfig({ PUBLIC_URL: 'https://app.example' }).PUBLIC_URL).toBe('https://app.example')
  const mailing = { ...external, SMTP_URL: 'smtp://mail.example', MAIL_FROM: 'mail@tenantry.example' }
  const inProduction = () => readConfig({ ...mailing, TRUSTED_PROXIES: '10.0.0.1' }, { production: true })
  expect(inProduction).toThrow('PUBLIC_URL: required with SMTP_URL')
})

test.each([
  ['DATABASE_URL', 'tenantry_owner'],
  ['PLATFORM_DATABASE_URL', 'postgres'],
  ['JOBS_DATABASE_URL', 'tenantry_app'],
])('%s cannot sign in as %s, for the isolation of tenants rests on the roles', (name, role) => {
  expect(refused({ ...external, [name]: `postgres://${role}:secret@db.example/tenantry` })).toEqual([name])
})

test('an issuer needs the audience its tokens are meant for', () => {
  expect(refused({ OIDC_ISSUER: 'https://issuer.example' })).toEqual(['OIDC_AUDIENCE'])
})

test.each([
  ['PORT', 'eighty'],
  ['PORT', '65536'],
  ['PORT', '3000.5'],
  ['DATABASE_POOL_SIZE', '0'],
  ['STATEMENT_TIMEOUT_MS', '-1'],
  ['DATABASE_IDLE_TIMEOUT_MS', 'soon'],
  ['DRAIN_DELAY_MS', '-1'],
  ['LOG_REQUESTS', 'yes'],
  ['LOG_LEVEL', 'loud'],
  ['AUTH_DEV_ISSUER', 'yes'],
  ['TRUSTED_PROXIES', '10.0.0.0/8, the-proxy'],
  ['MAIL_FROM', 'Acme <mail@acme.example>, other@acme.example'],
  ['SELF_SERVICE_SIGNUP', 'yes'],
  ['REGION', 'Europe West'],
  ['BASE_DOMAIN', 'https://tenantry.example'],
  ['METRICS_TOKEN', 'short'],
  ['CORS_ORIGINS', 'https://app.example.com/'],
  ['CORS_ORIGINS', '*'],
  ['PLATFORM_ADMIN_CLAIM', 'roles'],
  ['ENCRYPTION_KEYS', 'first:tooshort'],
  ['CONTEXT_SIGNING_KEYS', 'no-key'],
])('%s cannot be "%s"', (name, value) => {
  expect(refused({ [name]: value })).toEqual([name])
})

test('every problem is told at once, those between variables too, and no value is', () => {
  const secret = 'hunter2-hunter2'
  const source = {
    PORT: secret,
    ENCRYPTION_KEYS: secret,
    TRUSTED_PROXIES: secret,
    PLATFORM_ADMIN_CLAIM: secret,
    AUTH_DEV_ISSUER: 'true',
    HOST: '0.0.0.0',
  }
  expect(refused(source).sort()).toEqual(
    [...Object.keys(source).filter((name) => name !== 'HOST'), 'OIDC_ISSUER'].sort(),
  )
  expect(() => readConfig(source)).not.toThrow(secret)
})

test('trusted proxies are addresses and ranges, separated by commas', () => {
  const { TRUSTED_PROXIES: trusts } = readConfig({ TRUSTED_PROXIES: ' 10.0.0.0/8 ,192.0.2.1,' })
  expect(['10.255.0.1', '192.0.2.1', '192.0.2.2', 'nonsense'].map(trusts)).toEqual([true, true, false, false])
  expect(readConfig({}).TRUSTED_PROXIES('127.0.0.1')).toBe(false)
})

test.each(['https://cache.example', 'redis', 'redis://:hunter2@cache.example/name'])('%s is no Redis', (REDIS_URL) => {
  const read = () => readConfig({ REDIS_URL })
  expect(read).toThrow(/^ {2}REDIS_URL: /m)
  expect(read).not.toThrow(/hunter2/)
})

test('Redis may ask for a password, TLS and a database of its own', () => {
  const REDIS_URL = 'rediss://service:hunter2@cache.example:6380/3'
  expect(readConfig({ REDIS_URL })).toMatchObject({ REDIS_URL })
  expect(readConfig({})).not.toHaveProperty('REDIS_URL')
})

test('origins of front ends are separated by commas', () => {
  expect(readConfig({ CORS_ORIGINS: 'https://a.example, http://localhost:5173,' }).CORS_ORIGINS).toEqual([
    'https://a.example',
    'http://localhost:5173',
  ])
  expect(readConfig({}).CORS_ORIGINS).toEqual([])
})
