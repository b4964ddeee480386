import {
  type CommandVariables,
  type commandNeeds,
  defaultHost,
  defaultPort,
  externalNeeds as installationNeeds,
  installationVariables,
  milliseconds,
  parsed,
  publicUrlOf,
  readCommandVariables,
  url,
  validated,
} from '@tenantry/installation/environment'
import { withoutEmpty } from '@tenantry/installation/environment-file'
import { addressRanges } from '@tenantry/kernel/network/address-ranges'
import { z } from 'zod'

const port = z.coerce.number().int().min(0).max(65_535)
const flag = z.enum(['true', 'false'])
const proxies = parsed((text) =>
  addressRanges(
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== ''),
  ),
)

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
  PORT: port.default(defaultPort).describe('Port of the API'),
  HOST: z.string().min(1).default(defaultHost).describe('Address to listen on'),
  ...installationVariables,
  OIDC_ISSUER: url('https:', 'http:')
    .optional()
    .describe('URL of the issuer whose tokens are accepted; https, except on loopback or with the embedded database'),
  OIDC_AUDIENCE: z.string().min(1).optional().describe('Audience a token must be meant for'),
  PLATFORM_ADMIN_CLAIM: z
    .string()
    .regex(/^[^=]+=.+$/, 'Expected claim=value.')
    .default('roles=platform_admin')
    .describe('Claim that makes a platform admin, as claim=value'),
  PLATFORM_ACCESS: flag
    .default('true')
    .describe('Whether platform admins come in by the doors; without it their claim makes a plain user'),
  AUTH_DEV_ISSUER: flag.optional().describe('Built-in issuer for development; only embedded and on loopback'),
  SELF_SERVICE_SIGNUP: flag
    .default('false')
    .describe('Whether every user with a verified e-mail address may create tenants, not platform admins only'),
  SMTP_URL: url('smtp:', 'smtps:').optional().describe('Mail server; without it mails wait to be sent'),
  MAIL_FROM: z
    .string()
    .regex(
      /^(?:[^<>\r\n]+ <[^\s@<>]+@[^\s@<>]+>|[^\s@<>]+@[^\s@<>]+)$/,
      'Expected Name <address@domain>, or an address.',
    )
    .optional()
    .describe('Whom mails are from, `Name <address@domain>` or an address'),
  PUBLIC_URL: url('https:', 'http:')
    .optional()
    .describe(
      'Where people reach this installation; http://HOST:PORT unless told. Mails lead to PUBLIC_URL/invitations/accept#token=…: your product serves that page, reads the token and POSTs it to /api/v1/invitations/accept',
    ),
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
export const externalNeeds = [...installationNeeds, 'OIDC_ISSUER', 'OIDC_AUDIENCE'] as const

/** What only `start:production` demands and refuses. */
export interface ReadOptions {
  production?: boolean
}

interface Derived {
  production: boolean
  embedded: boolean
  developmentIssuer: boolean
  PLATFORM_ACCESS: boolean
  REQUIRE_HTTPS: boolean
  LOG_REQUESTS: boolean
  DRAIN_DELAY_MS: number
  DRAIN_TIMEOUT_MS: number
  PUBLIC_URL: string
}

export type Config = Omit<Environment, 'AUTH_DEV_ISSUER' | keyof Derived> & Derived

export const loopbackHosts: ReadonlySet<string> = new Set([defaultHost, 'localhost', '::1', '[::1]'])

/** Throws a `ConfigurationError` that names every problem at once, and never a value. */
export function readConfig(source: NodeJS.ProcessEnv = process.env, { production = false }: ReadOptions = {}): Config {
  const given = withoutEmpty(source)
  const values = validated(environment, given, contradictions(given, production))
  const { AUTH_DEV_ISSUER, REQUIRE_HTTPS, LOG_REQUESTS, ...rest } = values
  const flagged = (value: 'true' | 'false' | undefined) => (value ?? String(production)) === 'true'
  return {
    ...rest,
    production,
    embedded: values.DATABASE_URL === undefined,
    developmentIssuer: mayIssue(given) && AUTH_DEV_ISSUER !== 'false',
    PLATFORM_ACCESS: values.PLATFORM_ACCESS === 'true',
    REQUIRE_HTTPS: flagged(REQUIRE_HTTPS),
    LOG_REQUESTS: flagged(LOG_REQUESTS),
    PUBLIC_URL: publicUrlOf(values),
    DRAIN_DELAY_MS: values.DRAIN_DELAY_MS ?? (production ? 5_000 : 0),
    DRAIN_TIMEOUT_MS: values.DRAIN_TIMEOUT_MS ?? (production ? 20_000 : 1_000),
  }
}

/** The variables that a command needs, and no others. Throws a `ConfigurationError` as `readConfig` does. */
export const readCommandConfig = <Command extends keyof typeof commandNeeds>(
  command: Command,
  source: NodeJS.ProcessEnv = process.env,
): CommandVariables<Command> => readCommandVariables(command, source)

/** What is wrong between variables; judged whether or not each is right by itself. */
function contradictions(given: NodeJS.ProcessEnv, production: boolean): string[] {
  const problems = missing(given, production)
  if (given.AUTH_DEV_ISSUER === 'true' && (production || !mayIssue(given))) {
    problems.push('AUTH_DEV_ISSUER: allowed only with the embedded database, a loopback HOST and no OIDC_ISSUER.')
  }
  if ((production || given.DATABASE_URL !== undefined) && !mayBelieve(given.OIDC_ISSUER)) {
    problems.push('OIDC_ISSUER: must be https, for whoever can alter its keys on their way here can sign tokens.')
  }
  if (given.SMTP_URL !== undefined && given.MAIL_FROM === undefined) problems.push('MAIL_FROM: required with SMTP_URL.')
  if (production && given.SMTP_URL !== undefined && given.PUBLIC_URL === undefined)
    problems.push('PUBLIC_URL: required with SMTP_URL in production, for links in mails begin with it.')
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
