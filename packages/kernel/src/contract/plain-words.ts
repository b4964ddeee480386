import { z } from 'zod'

type JsonSchema = z.core.JSONSchema.BaseSchema

// Whatever says nothing itself is refused in these words instead of zod's own.
z.config({ customError: refusal })

function refusal(issue: z.core.$ZodRawIssue): string | undefined {
  const { code, schema, input } = issue
  if (code === 'unrecognized_keys' || code === 'custom' || !schema) return undefined
  if (code === 'invalid_key' && schema instanceof z.ZodRecord)
    return `Its name: expected ${expectation(schema.keyType)}.`
  if (code === 'invalid_union' && Array.isArray(issue.options)) return `Expected ${oneOf(issue.options)}.`
  return `${input === undefined ? 'Required:' : 'Expected'} ${expectation(schema)}.`
}

const known = new WeakMap<z.core.$ZodType, string>()

/** What a schema takes, as a noun: "an integer from 1 to 200". */
export function expectation(schema: z.core.$ZodType): string {
  const said = known.get(schema) ?? described(outlineOf(schema))
  known.set(schema, said)
  return said
}

/** What is in an object takes long to gather, and is not told. */
function outlineOf(schema: z.core.$ZodType): JsonSchema {
  const { type } = schema._zod.def
  return type === 'object' || type === 'record'
    ? { type: 'object' }
    : z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
}

const formats: Record<string, string> = {
  uuid: 'a UUID',
  email: 'an email address',
  'date-time': 'a time in UTC like 2026-01-31T12:00:00Z',
  date: 'a date like 2026-01-31',
  uri: 'a URL',
  hostname: 'a host name',
}

function described(schema: JsonSchema): string {
  if (schema.anyOf) return oneOf(schema.anyOf.map(described))
  if (schema.enum) return oneOf(schema.enum)
  if (schema.const !== undefined) return String(schema.const)
  switch (schema.type) {
    case 'integer':
      return `an integer${range(schema)}`
    case 'number':
      return `a number${range(schema)}`
    case 'string':
      return formats[schema.format ?? ''] ?? `a text${size(schema.minLength, schema.maxLength, 'characters')}`
    case 'array':
      return `a list${size(schema.minItems, schema.maxItems, 'items')}`
    case 'boolean':
      return 'true or false'
    case 'object':
      return 'an object'
    case 'null':
      return 'null'
    default:
      return 'another value'
  }
}

const disjunction = new Intl.ListFormat('en', { type: 'disjunction' })
const oneOf = (choices: readonly unknown[]) => disjunction.format([...new Set(choices.map(String))])

function range({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string {
  const least = minimum === Number.MIN_SAFE_INTEGER ? undefined : minimum
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum
  if (least !== undefined && most !== undefined) return ` from ${least} to ${most}`
  const bounds = [
    ...(least === undefined ? [] : [` of at least ${least}`]),
    ...(most === undefined ? [] : [` of at most ${most}`]),
    ...(exclusiveMinimum === undefined ? [] : [` above ${exclusiveMinimum}`]),
    ...(exclusiveMaximum === undefined ? [] : [` below ${exclusiveMaximum}`]),
  ]
  return bounds.join(' and')
}

function size(minimum: number | undefined, most: number | undefined, unit: string): string {
  const least = minimum ?? 0
  if (most === undefined && least < 2) return least === 0 ? '' : ' that is not empty'
  if (most === undefined) return ` of at least ${least} ${unit}`
  if (least === most) return ` of exactly ${most} ${unit}`
  return least === 0 ? ` of at most ${most} ${unit}` : ` of ${least} to ${most} ${unit}`
}
