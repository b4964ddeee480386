import fc, { type Arbitrary } from 'fast-check'

/** As much of JSON Schema 2020-12 as the document uses. */
export interface Schema {
  $ref?: string
  type?: string | string[]
  const?: unknown
  enum?: unknown[]
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  format?: string
  pattern?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  minItems?: number
  maxItems?: number
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: Schema | boolean
  propertyNames?: Schema
}

/** What schemas refer to, and what they cannot say: the values of a field that mean something here, by its name. */
export interface Vocabulary {
  resolve(reference: string): Schema
  known: ReadonlyMap<string, Arbitrary<unknown>>
}

const longestText = 3_000

/** Values that a schema allows, its limits among them. */
export function validValue(schema: Schema, words: Vocabulary, field = ''): Arbitrary<unknown> {
  const known = words.known.get(field)
  if (known) return known
  if (schema.$ref !== undefined) return validValue(words.resolve(schema.$ref), words)
  if ('const' in schema) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  const options = schema.anyOf ?? schema.oneOf ?? typesOf(schema)
  if (options) return fc.oneof(...options.map((option) => validValue(option, words, field)))
  switch (schema.type) {
    case 'string':
      return validText(schema)
    case 'integer':
      return bounded(schema, (min, max) => fc.integer({ min, max }))
    case 'number':
      return bounded(schema, (min, max) => fc.double({ min, max, noNaN: true, noDefaultInfinity: true }))
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'array':
      return fc.array(validValue(schema.items ?? {}, words), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 3, (schema.minItems ?? 0) + 3),
      })
    case 'object':
      return validEntries(schema, words).map((entries) => Object.fromEntries(entries))
    default:
      return fc.jsonValue()
  }
}

/** The fields of an object that a schema allows: all that are required, and any of the others. */
export function validEntries(schema: Schema, words: Vocabulary): Arbitrary<[string, unknown][]> {
  const required = new Set(schema.required)
  const declared = Object.entries(schema.properties ?? {}).map(([name, field]): Arbitrary<[string, unknown][]> => {
    const absent = fc.constant<[string, unknown][]>([])
    const entry = validValue(field, words, name).map((value): [string, unknown][] => [[name, value]])
    return required.has(name) ? entry : fc.oneof(entry, absent, absent)
  })
  const { additionalProperties: others = false, propertyNames = { type: 'string', maxLength: 20 } } = schema
  const further =
    others === false
      ? fc.constant<[string, unknown][]>([])
      : fc.array(fc.tuple(validText(propertyNames), validValue(others === true ? {} : others, words)), { maxLength: 3 })
  return fc.tuple(...declared, further).map((parts) => parts.flat())
}

function typesOf({ type, ...schema }: Schema): Schema[] | null {
  return Array.isArray(type) ? type.map((one) => ({ ...schema, type: one })) : null
}

function bounded(
  { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER }: Schema,
  between: (minimum: number, maximum: number) => Arbitrary<number>,
): Arbitrary<number> {
  const near = fc.integer({ min: Math.ceil(minimum), max: Math.floor(Math.min(maximum, Math.max(minimum, 0) + 100)) })
  return fc.oneof(near, fc.constantFrom(minimum, maximum), between(minimum, maximum))
}

function validText({ format, pattern, minLength = 0, maxLength = longestText, ...schema }: Schema): Arbitrary<string> {
  const own = formats[format ?? (schema as { 'x-format'?: string })['x-format'] ?? '']
  if (own) return own
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern))
  const longest = Math.min(maxLength, longestText)
  return fc.oneof(
    fc.string({ unit: 'grapheme-ascii', minLength, maxLength: Math.min(longest, minLength + 20) }),
    fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(longest, minLength + 20) }),
    fc.constantFrom('x'.repeat(minLength), 'x'.repeat(longest)),
  )
}

const formats: Record<string, Arbitrary<string>> = {
  email: fc.oneof(fc.constantFrom('a@b.co', 'First.Last+tag@example.com'), fc.emailAddress()),
  uri: fc.oneof(fc.constant('https://example.com/'), fc.webUrl({ validSchemes: ['https'] })),
  uuid: fc.uuid({ version: 7 }),
  date: fc.constantFrom('2026-11-21', '0001-01-01', '9999-12-31'),
  'date-time': fc.date({ min: new Date(0), noInvalidDate: true }).map((date) => date.toISOString()),
  timezone: fc.constantFrom('UTC', 'Europe/Berlin', 'Pacific/Kiritimati', 'Asia/Kolkata'),
  color: fc.constantFrom('#000000', '#AbCdEf'),
  time: fc.constantFrom('00:00', '09:30', '23:59'),
  currency: fc.constantFrom('EUR', 'USD'),
  language: fc.constantFrom('en', 'pt-BR'),
  cron: fc.constant('0 3 * * *'),
  cidr: fc.constantFrom('203.0.113.0/24', '2001:db8::1'),
  'date-pattern': fc.constantFrom('yyyy-MM-dd', 'd. MMMM yyyy'),
}

/** Texts that have broken parsers, databases and templates before. */
export const oddText: Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    ...['', ' ', '\0', 'a\0b', '\ud800', '\udfffx', '\u202e', '\ufeff', '\ufffe', '\r\n', '\u2028', '\x7f', '\x1b[31m'],
    ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'then', 'current', 'null', 'undefined', 'NaN'],
    ...["'; drop table tenants; --", '<script>alert(1)</script>', '{{7*7}}', '%00', '%s%n', '../../etc/passwd', '\\'],
    ...['e\u0301'.repeat(200), '👩‍👩‍👧‍👦'.repeat(50), 'ﷺ', 'İ', 'ß'.repeat(64), 'x'.repeat(129), 'x'.repeat(5_000)],
    ...['00000000-0000-0000-0000-000000000000', '2026-02-30T00:00:00Z', '9999-12-31T23:59:59.999999999+23:59', '-1'],
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
)

const nested = (open: string, close: string, levels: number, inmost = '') =>
  open.repeat(levels) + inmost + close.repeat(levels)

/** JSON text, since not all that a body can say survives as a value: `-0`, `1e400`, a key twice, `__proto__`. */
export const oddJson: Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    ...['null', 'true', '0', '-0', '-1', '0.1', '1e400', '-1e400', '1e-400', '9007199254740993', '1e21', '[]', '{}'],
    ...['2147483648', '9223372036854775808', '1000000000001', '123456789012345678901234567890', '253402300800000'],
    ...['{"__proto__":{"admin":true}}', '{"constructor":{"prototype":{"a":1}}}', '{"a":1,"a":2}', '{"":""}'],
    ...['{"\\u0000":"\\u0000"}', '{"\\ud800":"\\udc00"}', '{"toJSON":1}', '{"then":{}}', '{"length":-1}', '[[],{}]'],
    ...[
      nested('[', ']', 60),
      nested('[', ']', 20_000),
      nested('{"a":', '}', 60, '1'),
      nested('{"a":', '}', 9_000, '1'),
    ],
    `[${'0,'.repeat(5_000)}0]`,
  ),
  oddText.map((text) => JSON.stringify(text)),
  fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' }).map((value) => JSON.stringify(value)),
)
