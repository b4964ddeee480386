import '@tenantry/kernel/contract/plain-words'
import { parseKeys } from '@tenantry/kernel/crypto/sealer'
import type { LoginRole } from '@tenantry/kernel/tenancy/roles'
import { z } from 'zod'
import { withoutEmpty } from './environment-file.ts'

export class ConfigurationError extends Error {}

/** A variable that holds a URL of one of the protocols, each with its colon. */
export const url = (...protocols: string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    error: `Expected a ${protocols.join(' or ')} URL.`,
    // What is asked of such a URL beyond that is of no use then.
    abort: true,
  })

/** What `parse` makes of the text; what it throws is the problem that is reported. */
export const parsed = <Value>(parse: (text: string) => Value) =>
  z.string().transform((text, ctx) => {
    try {
      return parse(text)
    } catch (error) {
      ctx.addIssue({ code: 'custom', message: (error as Error).message })
      return z.NEVER
    }
  })

export const milliseconds = z.coerce.number().int().min(0).max(3_600_000)

const postgresUrl = url('postgres:', 'postgresql:')
/** Row-level security holds for these roles only: a superuser in their place would see every tenant. */
const roleUrl = (role: LoginRole) =>
  postgresUrl.refine((text) => new URL(text).username === role, `Must sign in as ${role}.`)
const redisUrl = url('redis:', 'rediss:').refine(
  (text) => !URL.canParse(text) || /^\/?\d*$/.test(new URL(text).pathname),
  'Expected the number of a database, or nothing, as its path.',
)
const keys = parsed(parseKeys)

export const defaultHost = '127.0.0.1'
export const defaultPort = 3000

/** Where people reach an installation, by what the environment of its service says. */
export function publicUrlOf({
  PUBLIC_URL,
  HOST = defaultHost,
  PORT = defaultPort,
}: {
  PUBLIC_URL?: string | undefined
  HOST?: string | undefined
  PORT?: string | number | undefined
}): string {
  return PUBLIC_URL ?? `http://${HOST.includes(':') ? `[${HOST}]` : HOST}:${PORT}`
}

/** What every process of an installation reads, whatever it serves. */
export const installationVariables = {
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
  DATABASE_POOLER: z
    .enum(['none', 'pgbouncer'])
    .default('none')
    .describe(
      'What DATABASE_URL and PLATFORM_DATABASE_URL lead through; the other URLs must lead to PostgreSQL itself',
    ),
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
  PLAN_CATALOGUE: z.string().min(1).optional().describe('Own plan catalogue file'),
  REGION: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/, 'Expected letters a-z, digits and hyphens.')
    .default('default')
    .describe('The region this installation serves; a tenant that asks for another one is refused'),
  DELETION_RETENTION_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .max(3_650)
    .default(30)
    .describe('How long a deleted tenant can be restored, before it is purged'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('Least level that is logged'),
}

const installationSchema = z.object(installationVariables)
type Variables = z.output<typeof installationSchema>

export type InstallationConfig = Variables & {
  /** The database is the one of the data folder. */
  embedded: boolean
}

/** What an installation needs once its database is not the embedded one. */
export const externalNeeds = [
  'PLATFORM_DATABASE_URL',
  'JOBS_DATABASE_URL',
  'CONTEXT_SIGNING_KEYS',
  'ENCRYPTION_KEYS',
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
  'tenantry signing-key': ['MIGRATION_DATABASE_URL', 'CONTEXT_SIGNING_KEYS'],
} as const

export type CommandVariables<Command extends keyof typeof commandNeeds> = {
  [Name in (typeof commandNeeds)[Command][number]]: NonNullable<Variables[Name]>
}

/** What opens an installation, and nothing that belongs to a service. Throws a `ConfigurationError`. */
export function readInstallationConfig(source: NodeJS.ProcessEnv): InstallationConfig {
  const given = only(Object.keys(installationVariables), source)
  const embedded = given.DATABASE_URL === undefined
  const missing = embedded ? [] : externalNeeds.filter((name) => given[name] === undefined)
  const problems = missing.map((name) => `${name}: required with DATABASE_URL.`)
  return { ...validated(installationSchema, given, problems), embedded }
}

/** The variables that a command needs, and no others. Throws a `ConfigurationError` that names what is missing. */
export function readCommandVariables<Command extends keyof typeof commandNeeds>(
  command: Command,
  source: NodeJS.ProcessEnv,
): CommandVariables<Command> {
  const names: readonly string[] = commandNeeds[command]
  const given = only(names, source)
  const missing = names.filter((name) => given[name] === undefined)
  const problems = missing.map((name) => `${name}: required by pnpm ${command}.`)
  // Whatever is missing was refused just now.
  return validated(installationSchema, given, problems) as Variables & CommandVariables<Command>
}

const only = (names: readonly string[], source: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(withoutEmpty(source)).filter(([name]) => names.includes(name)))

/** Throws a `ConfigurationError` that names every problem at once, and never a value. */
export function validated<Schema extends z.ZodType>(
  schema: Schema,
  given: NodeJS.ProcessEnv,
  contradictions: string[],
): z.output<Schema> {
  const read = schema.safeParse(given)
  const faults = read.success ? [] : read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
  const problems = [...faults, ...contradictions]
  if (read.success && problems.length === 0) return read.data
  throw new ConfigurationError(
    `The configuration is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
  )
}
