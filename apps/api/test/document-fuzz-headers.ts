import fc, { type Arbitrary } from 'fast-check'
import { type Schema, type Vocabulary, validValue } from './document-fuzz-values.ts'

export interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  required?: boolean
  schema: Schema
}

export const usually = <Value>(common: Arbitrary<Value>, ...odd: Arbitrary<Value>[]): Arbitrary<Value> =>
  fc.oneof({ weight: 8 * odd.length, arbitrary: common }, ...odd.map((arbitrary) => ({ weight: 1, arbitrary })))

export const rarely = <Value>(arbitrary: Arbitrary<Value>): Arbitrary<Value | undefined> =>
  usually(fc.constant<Value | undefined>(undefined), arbitrary)

/** Header fields of a request: the documented ones as often as not, rarely one that nobody asked for. */
export function fuzzedHeaders(
  parameters: Parameter[],
  words: Vocabulary,
  hasBody: boolean,
): Arbitrary<Record<string, string>> {
  const documented = parameters.map(({ name, schema }): Arbitrary<Field> => {
    const valid = validValue(schema, words, name).map(String).filter(isFieldValue)
    const absent = fc.constant(undefined)
    const strange = odd.get(name.toLowerCase()) ?? headerText
    return fc
      .oneof({ weight: 3, arbitrary: valid }, { weight: 1, arbitrary: strange }, { weight: 6, arbitrary: absent })
      .map((value): Field => [name.toLowerCase(), value])
  })
  const surprise = rarely(
    fc
      .constantFrom(...odd.keys(), 'x-tenant-id', 'content-type')
      .chain((name) => fc.oneof(odd.get(name) ?? headerText, headerText).map((value): Field => [name, value])),
  )
  const media = hasBody ? usually(fc.constant('application/json'), contentTypes) : fc.constant(undefined)
  return fc
    .tuple(
      media.map((value): Field => ['content-type', value]),
      surprise,
      ...documented,
    )
    .map((fields) =>
      Object.fromEntries(fields.flatMap((field) => (field?.[1] === undefined ? [] : [[field[0], field[1]]]))),
    )
}

type Field = [name: string, value: string | undefined]

/** What a field may carry at all: Latin-1 without control characters. */
const isFieldValue = (value: string) => /^[\x20-\x7e\xa0-\xff]*$/.test(value)

const headerText = fc.string({
  unit: fc
    .integer({ min: 0x20, max: 0xff })
    .map((code) => String.fromCharCode(code))
    .filter(isFieldValue),
  maxLength: 300,
})

const odd = new Map<string, Arbitrary<string>>([
  ['if-match', fc.constantFrom('"1"', '"2"', '*', 'W/"1"', '""', '1', '"1", "2"', '"999999999999999"', '"0"', '"-1"')],
  ['if-none-match', fc.constantFrom('"1"', '*', 'W/"1"', '"', '"1", "2"')],
  ['idempotency-key', fc.constantFrom('a', 'x'.repeat(255), 'x'.repeat(256), '__proto__', 'two words', '')],
  ['x-request-id', fc.constantFrom('trace-1', 'two words', '')],
  ['x-http-method-override', fc.constantFrom('DELETE', 'GET')],
  ['x-api-key', fc.constantFrom('tk_live_0_0_0', '')],
  ['content-encoding', fc.constantFrom('gzip', 'identity', 'br, gzip')],
  ['accept-encoding', fc.constantFrom('gzip', '*;q=0')],
  ['accept', fc.constantFrom('text/html', 'application/xml;q=0.1')],
  ['range', fc.constantFrom('bytes=0-1', 'bytes=99999999-')],
  ['origin', fc.constantFrom('null', 'https://evil.test')],
  ['cookie', fc.constant('a=b')],
])

const contentTypes = fc.constantFrom(
  'application/json; charset=utf-8',
  'APPLICATION/JSON',
  'application/merge-patch+json',
  'application/json;charset="utf-8"',
  'application/json; charset=latin1',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'text/plain',
  '',
  ';',
)
