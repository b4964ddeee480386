import { parseKeys } from '@tenantry/kernel/crypto/sealer'
import { z } from 'zod'

const port = z.coerce.number().int().min(0).max(65_535)
const url = (...protocols: string[]) =>
  z
    .string()
    .refine(
      (text) => URL.canParse(text) && protocols.includes(new URL(text).protocol),
      `Expected a ${protocols.join(' or ')} URL.`,
    )
const postgresUrl = url('postgres:', 'postgresql:')
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
)
const keys = z.string().transform((text, ctx) => {
  try {
    return parseKeys(text)
  } catch (error) {
    ctx.addIssue({ code: 'custom', message: (error as Error).message })
    return z.NEVER
  }
})

const environment = z.object({
  PORT: port.default(3000).describe('Port of the API'),
  HOST: z.string().min(1).default('127.0.0.1').describe('Address to listen on'),
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
  TRUSTED_PROXIES: list.default([]).describe('Addresses and CIDRs whose X-Forwarded-For is believed'),
  METRICS_TOKEN: z.string().min(16).optional().describe('Bearer token for /metrics; in development it needs none'),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
})

type Environment = z.output<typeof environment>

/** What must stand in the environment once the database is not the embedded one. */
const externalNeeds = [
  'PLATFORM_DATABASE_URL',
  'JOBS_DATABASE_URL',
  'CONTEXT_SIGNING_KEYS',
  'ENCRYPTION_KEYS',
  'OIDC_ISSUER',
  'OIDC_AUDIENCE',
] as const

export type Config = Omit<Environment, 'AUTH_DEV_ISSUER'> & { embedded: boolean; developmentIssuer: boolean }

export class ConfigurationError extends Error {}

export const loopbackHosts: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '::1', '[::1]'])

/** Throws a `ConfigurationError` that names every problem at once, and never a value. */
export function readConfig(source: NodeJS.ProcessEnv = process.env): Config {
  // An empty variable is an absent one.
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ''))
  const parsed = environment.safeParse(given)
  if (!parsed.success) throw failure(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`))

  const { AUTH_DEV_ISSUER, ...values } = parsed.data
  const embedded = values.DATABASE_URL === undefined
  const mayIssue = embedded && loopbackHosts.has(values.HOST) && values.OIDC_ISSUER === undefined
  const problems = [
    ...(embedded
      ? []
      : externalNeeds
          .filter((name) => values[name] === undefined)
          .map((name) => `${name}: required with DATABASE_URL.`)),
    ...(AUTH_DEV_ISSUER === 'true' && !mayIssue
      ? ['AUTH_DEV_ISSUER: allowed only with the embedded database, a loopback HOST and no OIDC_ISSUER.']
      : []),
    ...(embedded && !mayIssue && values.OIDC_ISSUER === undefined
      ? ['OIDC_ISSUER: required where HOST is not loopback, for the development issuer is not available there.']
      : []),
    ...(values.OIDC_ISSUER !== undefined && values.OIDC_AUDIENCE === undefined
      ? ['OIDC_AUDIENCE: required with OIDC_ISSUER.']
      : []),
  ]
  if (problems.length > 0) throw failure([...new Set(problems)])
  return { ...values, embedded, developmentIssuer: mayIssue && AUTH_DEV_ISSUER !== 'false' }
}

const failure = (problems: string[]) =>
  new ConfigurationError(`The configuration is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
