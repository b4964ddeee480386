import { existsSync } from 'node:fs'
import { parseKeys } from '@tenantry/kernel/crypto/sealer'
import { z } from 'zod'
import { trustedProxies } from './client-address.ts'

const port = z.coerce.number().int().min(0).max(65_535)
const url = (...protocols: string[]) =>
  z
    .string()
    .refine(
      (text) => URL.canParse(text) && protocols.includes(new URL(text).protocol),
      `Expected a ${protocols.join(' or ')} URL.`,
    )
const postgresUrl = url('postgres:', 'postgresql:')
/** What `parse` makes of the text; what it throws is the problem that is reported. */
const parsed = <Value>(parse: (text: string) => Value) =>
  z.string().transform((text, ctx) => {
    try {
      return parse(text)
    } catch (error) {
      ctx.addIssue({ code: 'custom', message: (error as Error).message })
      return z.NEVER
    }
  })
const keys = parsed(parseKeys)
const proxies = parsed((text) =>
  trustedProxies(
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== ''),
  ),
)

const defaultHost = '127.0.0.1'

const origins = z.string().transform((text, ctx) => {
  const given = text.split(',').map((origin) => origin.trim())
  return given.filter((origin) => {
    if (origin === '') return false
    if (URL.canParse(origin) && new URL(origin).origin === origin) return true
    ctx.addIssue({ code: 'custom', message: 'Expected origins like https://app.example.com, without a path.' })
    return false
  })
})

export const environment = z.object({
  PORT: port.default(3000).describe('Port of the API'),
  HOST: z.string().min(1).default(defaultHost).describe('Address to listen on'),
  DATA_DIR: z.string().min(1).default('.tenantry').describe('Embedded database and generated keys'),
  DATABASE_URL: postgresUrl.optional().describe('PostgreSQL as tenantry_app; without it an embedded server runs'),
  PLATFORM_DATABASE_URL: postgresUrl.optional().describe('PostgreSQL as tenantry_platform'),
  JOBS_DATABASE_URL: postgresUrl.optional().describe('PostgreSQL as tenantry_jobs'),
  DATABASE_POOL_SIZE: z.coerce.number().int().min(1).max(500).default(20).describe('Connections per pool'),
  STATEMENT_TIMEOUT_MS: z.coerce.number().int().min(100).default(15_000).describe('Longest statement, in milliseconds'),
  CONTEXT_SIGNING_KEYS: keys.optional().describe('Keys of the tenant context, `id:base64,…`; the first signs'),
  ENCRYPTION_KEYS: keys.optional().describe('Keys for encryption at rest, `id:base64,…`; the first encrypts'),
  OIDC_ISSUER: url('https:', 'http:').optional().describe('Issuer whose tokens are accepted'),
  OIDC_AUDIENCE: z.string().min(1).optional().describe('Audience a token must be meant for'),
  PLATFORM_ADMIN_CLAIM: z
    .string()
    .regex(/^[^=]+=.+$/, 'Expected claim=value.')
    .default('roles=platform_admin')
    .describe('Claim that makes a platform admin'),
  AUTH_DEV_ISSUER: z
    .enum(['true', 'false'])
    .optional()
    .describe('Built-in issuer for development; only embedded and on loopback'),
  PLAN_CATALOGUE: z.string().min(1).optional().describe('Own plan catalogue file'),
  BASE_DOMAIN: z.hostname().optional().describe('Tenants are also found by <slug>.<BASE_DOMAIN>'),
  CORS_ORIGINS: origins.prefault('').describe('Origins of front ends that browsers may call from, separated by commas'),
  TRUSTED_PROXIES: proxies.prefault('').describe('Addresses and CIDRs whose X-Forwarded-For is believed'),
  METRICS_TOKEN: z.string().min(16).optional().describe('Bearer token for /metrics; in development it needs none'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('Least level that is logged'),
})

type Environment = z.output<typeof environment>

/** What must stand in the environment once the database is not the embedded one. */
export const externalNeeds = [
  'PLATFORM_DATABASE_URL',
  'JOBS_DATABASE_URL',
  'CONTEXT_SIGNING_KEYS',
  'ENCRYPTION_KEYS',
  'OIDC_ISSUER',
  'OIDC_AUDIENCE',
] as const

export type Config = Omit<Environment, 'AUTH_DEV_ISSUER'> & { embedded: boolean; developmentIssuer: boolean }

export class ConfigurationError extends Error {}

export const loopbackHosts: ReadonlySet<string> = new Set([defaultHost, 'localhost', '::1', '[::1]'])

/** Reads `.env` of the working folder, where there is one; what the environment says already wins. */
export function loadEnvironmentFile(): void {
  if (existsSync('.env')) process.loadEnvFile('.env')
}

/** Throws a `ConfigurationError` that names every problem at once, and never a value. */
export function readConfig(source: NodeJS.ProcessEnv = process.env): Config {
  // An empty variable is an absent one.
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ''))
  const read = environment.safeParse(given)
  const faults = read.success ? [] : read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
  const problems = [...faults, ...contradictions(given)]
  if (!read.success || problems.length > 0) throw failure(problems)
  const { AUTH_DEV_ISSUER, ...values } = read.data
  return {
    ...values,
    embedded: values.DATABASE_URL === undefined,
    developmentIssuer: mayIssue(given) && AUTH_DEV_ISSUER !== 'false',
  }
}

/** What is wrong between variables; judged whether or not each is right by itself. */
function contradictions(given: NodeJS.ProcessEnv): string[] {
  const embedded = given.DATABASE_URL === undefined
  const missing = embedded ? [] : externalNeeds.filter((name) => given[name] === undefined)
  const problems = missing.map((name) => `${name}: required with DATABASE_URL.`)
  if (given.AUTH_DEV_ISSUER === 'true' && !mayIssue(given)) {
    problems.push('AUTH_DEV_ISSUER: allowed only with the embedded database, a loopback HOST and no OIDC_ISSUER.')
  }
  if (embedded && !mayIssue(given) && given.OIDC_ISSUER === undefined) {
    problems.push(
      'OIDC_ISSUER: required where HOST is not loopback, for the development issuer is not available there.',
    )
  }
  if (embedded && given.OIDC_ISSUER !== undefined && given.OIDC_AUDIENCE === undefined) {
    problems.push('OIDC_AUDIENCE: required with OIDC_ISSUER.')
  }
  return problems
}

function mayIssue({ DATABASE_URL, HOST = defaultHost, OIDC_ISSUER }: NodeJS.ProcessEnv): boolean {
  return DATABASE_URL === undefined && OIDC_ISSUER === undefined && loopbackHosts.has(HOST)
}

const failure = (problems: string[]) =>
  new ConfigurationError(`The configuration is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
