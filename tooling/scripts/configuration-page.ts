import { environment, readConfig } from '@tenantry/api/config'
import { ConfigurationError, commandNeeds } from '@tenantry/installation/environment'
import { expectation } from '@tenantry/kernel/contract/plain-words'
import { z } from 'zod'

const introduction = `\
# Configuration

Generated from \`apps/api/src/config.ts\` and \`packages/installation/src/environment.ts\` by \`npx -y pnpm generate-docs\`; do not edit.

By environment variables, or a file \`.env\` in the working folder; what the environment says wins. An empty variable is an
absent one. All problems are reported at once, and no value is ever printed.

Without \`DATABASE_URL\` an embedded PostgreSQL runs and makes its own keys: nothing has to be set. Some
choices make other variables necessary; the column *Required* says which. *Production* is \`pnpm start:production\`:
see [operations.md](operations.md).
`

/** What somebody may do or set that makes variables necessary. */
const cases: Record<string, () => readonly string[]> = {
  'with `DATABASE_URL`': () => missingFrom({ DATABASE_URL: 'postgres://host/name' }),
  'with `OIDC_ISSUER`': () => missingFrom({ OIDC_ISSUER: 'https://issuer.example' }),
  'where `HOST` is not loopback': () => missingFrom({ HOST: '0.0.0.0' }),
  'with `REQUIRE_HTTPS`': () => missingFrom({ REQUIRE_HTTPS: 'true' }),
  'in production': () => missingFrom({}, true),
  ...Object.fromEntries(
    Object.entries(commandNeeds).map(([command, names]) => [`by \`pnpm ${command}\``, () => names]),
  ),
}

/** `docs/configuration.md`: every variable with its default, when it is required, and its meaning. */
export function configurationPage(): string {
  const rows = Object.entries(environment.shape).map(([name, schema]) => row(name, schema))
  return [introduction, '| Variable | Default | Required | Meaning |', '|---|---|---|---|', ...rows, ''].join('\n')
}

function row(name: string, schema: z.ZodType): string {
  if (!schema.description) throw new Error(`${name} has no meaning: describe it where it is declared`)
  const meaning = [schema.description, ...choices(schema), ...bounds(schema)].join('. ')
  return `| \`${name}\` | ${defaultOf(schema)} | ${requiredWhen(name)} | ${cell(meaning)}. |`
}

/** Asks the configuration itself, so that the page cannot promise other rules than it keeps. */
function requiredWhen(name: string): string {
  return Object.entries(cases)
    .filter(([, names]) => names().includes(name))
    .map(([when]) => when)
    .join('; ')
}

function missingFrom(given: NodeJS.ProcessEnv, production = false): string[] {
  try {
    readConfig(given, { production })
    return []
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    return [...error.message.matchAll(/^ {2}(\w+): required/gm)].map(([, name = '']) => name)
  }
}

function defaultOf(schema: z.ZodType): string {
  if (!(schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)) return ''
  const value = String(schema.def.defaultValue)
  return value === '' ? '' : `\`${value}\``
}

function choices(schema: z.ZodType): string[] {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) return choices(schema.unwrap() as z.ZodType)
  return schema instanceof z.ZodEnum ? [`One of ${schema.options.map((value) => `\`${value}\``).join(' ')}`] : []
}

/** In the words of the refusal; that it is some text goes without saying. */
function bounds(schema: z.ZodType): string[] {
  const takes = expectation(schema)
  const isTold = choices(schema).length > 0 || /^a text(?: that is not empty)?$/.test(takes)
  return isTold ? [] : [`${takes.charAt(0).toUpperCase()}${takes.slice(1)}`]
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
