import { existsSync } from 'node:fs'
import '@tenantry/kernel/contract/plain-words'
import { parseKeys } from '@tenantry/kernel/crypto/sealer'
import { addressRanges } from '@tenantry/kernel/network/address-ranges'
import type { LoginRole } from '@tenantry/kernel/tenancy/roles'
import { z } from 'zod'

const port = z.coerce.number().int().min(0).max(65_535)
const url = (...protocols: string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    error: `Expected a ${protocols.join(' or ')} URL.`,
    // What is asked of such a URL beyond that is of no use then.
    abort: true,
  })
const postgresUrl = url('postgres:', 'postgresql:')
/** Row-level security holds for these roles only: a superuser in their place would see every tenant. */
const roleUrl = (role: LoginRole) =>
  postgresUrl.refine((text) => new URL(text).username === role, `Must sign in as ${role}.`)
const redisUrl = url('redis:', 'rediss:').refine(
  (text) => !URL.canParse(text) || /^\/?\d*$/.test(new URL(text).pathname),
  'Expected the number of a database, or nothing, as its path.',
)
const milliseconds = z.coerce.number().int().min(0).max(3_600_000)
const flag = z.enum(['true', 'false'])
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
  addressRanges(
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
  DATABASE_URL: roleUrl('tenantry_app')
    .optional()
    .describe('PostgreSQL as tenantry_app; without it an embedded server runs'),
  PLATFORM_DATABASE_URL: roleUrl('tenantry_platform').optional().describe('PostgreSQL as tenantry_platform'),
  JOBS_DATABASE_URL: roleUrl('tenantry_jobs').optional().describe('PostgreSQL as tenantry_jobs'),
  MIGRATION_DATABASE_URL: roleUrl('tenantry_owner')
    .optional()
    .describe('PostgreSQL as tenantry_owner; the service itself never uses it'),
  ADMIN_DATABASE_URL: postgresUrl.optional().describe('PostgreSQL as a superuser; the service itself never uses it'),
  DATABASE_POOL_SIZE: z.coerce.number().int().min(1).max(500).default(20).describe('Connections per pool'),
  DATABASE_IDLE_TIMEOUT_MS: milliseconds
    .default(30_000)
    .describe('An idle connection is closed after this time; 0: never'),
  DATABASE_LIFETIME_MS: milliseconds.default(1_800_000).describe('A connection is replaced after this time; 0: never'),
  STATEMENT_TIMEOUT_MS: z.coerce.number().int().min(100).default(15_000).describe('Longest statement, in milliseconds'),
  REDIS_URL: redisUrl
    .optional()
    .describe('Redis that several processes share caches, limits and blocks through; `rediss:` for TLS'),
  CONTEXT_SIGNING_KEYS: keys
    .optional()
    .describe('Keys of the tenant context, `id:base64,…` of 32 bytes each; the first signs'),
  ENCRYPTION_KEYS: keys
    .optional()
    .describe('Keys for encryption at rest, `id:base64,…` of 32 bytes each; the first encrypts'),
  OIDC_ISSUER: url('https:', 'http:')
    .optional()
    .describe('URL of the issuer whose tokens are accepted; https, except on loopback or with the embedded database'),
  OIDC_AUDIENCE: z.string().min(1).optional().describe('Audience a token must be meant for'),
  PLATFORM_ADMIN_CLAIM: z
    .string()
    .regex(/^[^=]+=.+$/, 'Expected claim=value.')
    .default('roles=platform_admin')
    .describe('Claim that makes a platform admin, as claim=value'),
  AUTH_DEV_ISSUER: flag.optional().describe('Built-in issuer for development; only embedded and on loopback'),
  PLAN_CATALOGUE: z.string().min(1).optional().describe('Own plan catalogue file'),
  BASE_DOMAIN: z.hostname().optional().describe('Tenants are also found by <slug>.<BASE_DOMAIN>'),
  CORS_ORIGINS: origins
    .prefault('')
    .describe('Origins of front ends that browsers may call from, like `https://app.example`, separated by commas'),
  TRUSTED_PROXIES: proxies.prefault('').describe('Addresses and CIDRs whose X-Forwarded-For and -Proto are believed'),
  REQUIRE_HTTPS: flag
    .optional()
    .describe('Refuse what no trusted proxy says came by https; true in production, false otherwise'),
  STREAM_HEARTBEAT_MS: z.coerce
    .number()
    .int()
    .min(1_000)
    .max(60_000)
    .default(15_000)
    .describe('How often a stream of events says that it is there, and checks that its caller may listen'),
  STREAMS_PER_TENANT: z.coerce
    .number()
    .int()
    .min(1)
    .default(50)
    .describe('Streams of events that a tenant may have open in one process'),
  METRICS_TOKEN: z.string().min(16).optional().describe('Bearer token for /metrics; in development it needs none'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('Least level that is logged'),
  LOG_REQUESTS: flag.optional().describe('One line for each request; true in production, false otherwise'),
  DRAIN_DELAY_MS: milliseconds
    .optional()
    .describe('Told to end, it goes on serving for this time, unready; 5000 in production, 0 otherwise'),
  DRAIN_TIMEOUT_MS: milliseconds
    .optional()
    .describe('Requests then under way may take this long; 20000 in production, 1000 otherwise'),
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

/** What the commands need, each whatever the service itself does with. */
export const commandNeeds = {
  provision: [
    'ADMIN_DATABASE_URL',
    'MIGRATION_DATABASE_URL',
    'DATABASE_URL',
    'PLATFORM_DATABASE_URL',
    'JOBS_DATABASE_URL',
  ],
  migrate: ['MIGRATION_DATABASE_URL', 'JOBS_DATABASE_URL', 'CONTEXT_SIGNING_KEYS'],
} as const

/** What only `start:production` demands and refuses. */
export interface ReadOptions {
  production?: boolean
}

interface Derived {
  production: boolean
  embedded: boolean
  developmentIssuer: boolean
  REQUIRE_HTTPS: boolean
  LOG_REQUESTS: boolean
  DRAIN_DELAY_MS: number
  DRAIN_TIMEOUT_MS: number
}

export type Config = Omit<Environment, 'AUTH_DEV_ISSUER' | keyof Derived> & Derived

export class ConfigurationError extends Error {}

export const loopbackHosts: ReadonlySet<string> = new Set([defaultHost, 'localhost', '::1', '[::1]'])

/** Reads `.env` of the working folder, where there is one; what the environment says already wins. */
export function loadEnvironmentFile(): void {
  if (existsSync('.env')) process.loadEnvFile('.env')
}

/** Throws a `ConfigurationError` that names every problem at once, and never a value. */
export function readConfig(source: NodeJS.ProcessEnv = process.env, { production = false }: ReadOptions = {}): Config {
  const given = withoutEmpty(source)
  const values = validated(given, contradictions(given, production))
  const { AUTH_DEV_ISSUER, REQUIRE_HTTPS, LOG_REQUESTS, ...rest } = values
  const flagged = (value: 'true' | 'false' | undefined) => (value ?? String(production)) === 'true'
  return {
    ...rest,
    production,
    embedded: values.DATABASE_URL === undefined,
    developmentIssuer: mayIssue(given) && AUTH_DEV_ISSUER !== 'false',
    REQUIRE_HTTPS: flagged(REQUIRE_HTTPS),
    LOG_REQUESTS: flagged(LOG_REQUESTS),
    DRAIN_DELAY_MS: values.DRAIN_DELAY_MS ?? (production ? 5_000 : 0),
    DRAIN_TIMEOUT_MS: values.DRAIN_TIMEOUT_MS ?? (production ? 20_000 : 1_000),
  }
}

/** The variables that a command needs, and no others. Throws a `ConfigurationError` as `readConfig` does. */
export function readCommandConfig<Command extends keyof typeof commandNeeds>(
  command: Command,
  source: NodeJS.ProcessEnv = process.env,
): { [Name in (typeof commandNeeds)[Command][number]]: NonNullable<Environment[Name]> } {
  const names: readonly string[] = commandNeeds[command]
  const given = Object.fromEntries(Object.entries(withoutEmpty(source)).filter(([name]) => names.includes(name)))
  const missing = names.filter((name) => given[name] === undefined)
  const values = validated(
    given,
    missing.map((name) => `${name}: required by pnpm ${command}.`),
  )
  // Whatever is missing was refused just now.
  return values as Environment & { [Name in (typeof commandNeeds)[Command][number]]: NonNullable<Environment[Name]> }
}

/** An empty variable is an absent one. */
const withoutEmpty = (source: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ''))

function validated(given: NodeJS.ProcessEnv, contradictions: string[]): Environment {
  const read = environment.safeParse(given)
  const faults = read.success ? [] : read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
  const problems = [...faults, ...contradictions]
  if (!read.success || problems.length > 0) throw failure(problems)
  return read.data
}

/** What is wrong between variables; judged whether or not each is right by itself. */
function contradictions(given: NodeJS.ProcessEnv, production: boolean): string[] {
  const problems = missing(given, production)
  if (given.AUTH_DEV_ISSUER === 'true' && (production || !mayIssue(given))) {
    problems.push('AUTH_DEV_ISSUER: allowed only with the embedded database, a loopback HOST and no OIDC_ISSUER.')
  }
  if ((production || given.DATABASE_URL !== undefined) && !mayBelieve(given.OIDC_ISSUER)) {
    problems.push('OIDC_ISSUER: must be https, for whoever can alter its keys on their way here can sign tokens.')
  }
  const requireHttps = (given.REQUIRE_HTTPS ?? String(production)) === 'true'
  if (requireHttps && given.TRUSTED_PROXIES === undefined) {
    problems.push(
      'TRUSTED_PROXIES: required with REQUIRE_HTTPS, for only a proxy named there can say that a request came by https.',
    )
  }
  return problems
}

function missing(given: NodeJS.ProcessEnv, production: boolean): string[] {
  if (production || given.DATABASE_URL !== undefined) {
    const reason = production ? 'in production' : 'with DATABASE_URL'
    const needs = production ? (['DATABASE_URL', ...externalNeeds] as const) : externalNeeds
    return needs.filter((name) => given[name] === undefined).map((name) => `${name}: required ${reason}.`)
  }
  if (given.OIDC_ISSUER !== undefined) {
    return given.OIDC_AUDIENCE === undefined ? ['OIDC_AUDIENCE: required with OIDC_ISSUER.'] : []
  }
  if (mayIssue(given)) return []
  return ['OIDC_ISSUER: required where HOST is not loopback, for the development issuer is not available there.']
}

function mayIssue({ DATABASE_URL, HOST = defaultHost, OIDC_ISSUER }: NodeJS.ProcessEnv): boolean {
  return DATABASE_URL === undefined && OIDC_ISSUER === undefined && loopbackHosts.has(HOST)
}

/** What is no URL at all is told of already. */
function mayBelieve(issuer: string | undefined): boolean {
  if (issuer === undefined || !URL.canParse(issuer)) return true
  const { protocol, hostname } = new URL(issuer)
  return protocol !== 'http:' || loopbackHosts.has(hostname)
}

const failure = (problems: string[]) =>
  new ConfigurationError(`The configuration is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
