import { environment, externalNeeds } from '@tenantry/api/config'
import { z } from 'zod'

const introduction = `\
# Configuration

Generated from \`apps/api/src/config.ts\` by \`npx -y pnpm generate-docs\`; do not edit.

By environment variables, or a file \`.env\` in the working folder; what the environment says wins. An empty variable is an
absent one. All problems are reported at once, and no value is ever printed.

Without \`DATABASE_URL\` an embedded PostgreSQL runs and makes its own keys. With it, what is marked *external* below must
be set too.
`

/** `docs/configuration.md`: every variable with its default and meaning. */
export function configurationPage(): string {
  const rows = Object.entries(environment.shape).map(([name, schema]) => row(name, schema))
  return [introduction, '| Variable | Default | Meaning |', '|---|---|---|', ...rows, ''].join('\n')
}

function row(name: string, schema: z.ZodType): string {
  if (!schema.description) throw new Error(`${name} has no meaning: describe it in apps/api/src/config.ts`)
  const external = externalNeeds.some((needed) => needed === name)
  const meaning = [schema.description, ...choices(schema), ...(external ? ['*External*'] : [])].join('. ')
  return `| \`${name}\` | ${defaultOf(schema)} | ${cell(meaning)}. |`
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

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
