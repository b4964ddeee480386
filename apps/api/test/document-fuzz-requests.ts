import type { buildOpenApiDocument } from '@tenantry/shared/openapi/document'
import fc, { type Arbitrary } from 'fast-check'
import { fuzzedHeaders, type Parameter, rarely, usually } from './document-fuzz-headers.ts'
import { oddJson, oddText, type Schema, type Vocabulary, validEntries, validValue } from './document-fuzz-values.ts'

export type OpenApiDocument = ReturnType<typeof buildOpenApiDocument>

export interface DocumentedOperation {
  operationId: string
  method: string
  /** `/tenants/{tenantId}` */
  path: string
  parameters: Parameter[]
  body: Schema | null
  /** Refuses a caller that does not sign in. */
  secured: boolean
}

export interface FuzzedRequest {
  method: string
  /** Below the server's URL, with the query. */
  path: string
  headers: Record<string, string>
  body?: string | Buffer
}

type Fields = Record<string, unknown>
type Entry = [name: string, json: string]

/** An input known to be taken, all fields in one object as the procedure takes them. */
export type Seed = Fields

/** The operation of that id, its references followed. Throws where the document has none. */
export function documentedOperation(document: OpenApiDocument, operationId: string): DocumentedOperation {
  const resolve = resolverOf(document)
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const [method, declared] of Object.entries(item as Record<string, unknown>)) {
      const operation = declared as {
        operationId: string
        parameters?: (Parameter & Schema)[]
        requestBody?: { content: Record<string, { schema: Schema }> }
        security?: unknown[]
      }
      if (operation.operationId !== operationId) continue
      return {
        operationId,
        method: method.toUpperCase(),
        path,
        parameters: (operation.parameters ?? []).map((one) => (one.$ref ? resolve<Parameter>(one.$ref) : one)),
        body: operation.requestBody?.content['application/json']?.schema ?? null,
        secured: (operation.security ?? []).length > 0,
      }
    }
  }
  throw new Error(`The document has no operation ${operationId}`)
}

/** Follows `#/a/b` references. */
export function resolverOf(document: object): <Found = Schema>(reference: string) => Found {
  return (reference) =>
    reference
      .split('/')
      .slice(1)
      // A pointer names its way by text, which no type can follow.
      .reduce<unknown>((part, key) => (part as Fields)[key], document) as never
}

/** Requests to one operation: two in five as documented, the others broken in one way or several. */
export function fuzzedRequest(
  operation: DocumentedOperation,
  words: Vocabulary,
  seeds: Arbitrary<Seed>,
): Arbitrary<FuzzedRequest> {
  const named = (place: Parameter['in']) => operation.parameters.filter((parameter) => parameter.in === place)
  const inPath = new Set(named('path').map(({ name }) => name))
  const body = operation.body
  return fc
    .record({
      method:
        operation.method === 'GET' ? usually(fc.constant('GET'), fc.constant('HEAD')) : fc.constant(operation.method),
      segments: fc.tuple(
        ...named('path').map((parameter) => fc.tuple(fc.constant(parameter.name), segment(parameter, words))),
      ),
      query: query(named('query'), words, body ? null : seeds.map((seed) => without(seed, inPath))),
      headers: fuzzedHeaders(named('header'), words, body !== null),
      body: body
        ? bodyText(
            body,
            words,
            seeds.map((seed) => without(seed, inPath)),
          )
        : rarely(fc.constantFrom('{}', '{"a":1}', 'x')),
    })
    .map(({ method, segments, query, headers, body }) => ({
      method,
      path: segments.reduce((path, [name, text]) => path.replace(`{${name}}`, () => text), operation.path) + query,
      headers,
      ...(body === undefined || method === 'HEAD' ? {} : { body }),
    }))
}

/** All fields of an operation in one object, as JSON text: what its procedure takes over tRPC. */
export function fuzzedInput(
  operation: DocumentedOperation,
  words: Vocabulary,
  seeds: Arbitrary<Seed>,
): Arbitrary<string> {
  const fields = operation.parameters.filter((parameter) => parameter.in !== 'header')
  const merged: Schema = {
    ...operation.body,
    properties: {
      ...operation.body?.properties,
      ...Object.fromEntries(fields.map(({ name, schema }) => [name, schema])),
    },
    required: [
      ...(operation.body?.required ?? []),
      ...fields.filter(({ required }) => required).map(({ name }) => name),
    ],
  }
  return bodyText(merged, words, seeds).map((text) => (typeof text === 'string' ? text : 'null'))
}

const without = (fields: Fields, names: Set<string>): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !names.has(name)))

// Dot segments and empty ones are another path altogether.
const isSegment = (text: string) => !['', '.', '..'].includes(text)

function segment({ name, schema }: Parameter, words: Vocabulary): Arbitrary<string> {
  const encoded = (text: string) => encodeURIComponent(text.toWellFormed())
  return usually(
    validValue(schema, words, name).map((value) => encoded(String(value))),
    oddText.filter(isSegment).map(encoded),
    fc.constantFrom(
      '%',
      '%zz',
      '%00',
      '%ff',
      '%c0%af',
      '%ed%a0%80',
      '%2f',
      '%25',
      ';a=b',
      'a,b',
      '@',
      '*',
      '~',
      '{tenantId}',
    ),
  )
}

function query(parameters: Parameter[], words: Vocabulary, seeds: Arbitrary<Seed> | null): Arbitrary<string> {
  const optional = parameters.filter(({ required }) => !required)
  const entries = validEntries(
    {
      properties: Object.fromEntries(parameters.map(({ name, schema }) => [name, schema])),
      required: parameters.filter((parameter) => !optional.includes(parameter)).map(({ name }) => name),
    },
    words,
  )
  const valid = seeds ? fc.oneof(entries, seeds.map(Object.entries<unknown>)) : entries
  const text = valid.map((fields) =>
    new URLSearchParams(fields.map(([name, value]): [string, string] => [name, String(value)])).toString(),
  )
  const odd = fc
    .tuple(text, fc.constantFrom(...parameters.map(({ name }) => name), 'tenantId', 'limit', '__proto__', ''), oddText)
    .map(([own, name, value]) => [own, new URLSearchParams([[name, value]]).toString()].filter(Boolean).join('&'))
  const raw = fc.constantFrom(
    '%',
    '%zz=1',
    '=',
    '&&&',
    'a[b]=1',
    'a[]=1&a[]=2',
    'a=1&a=2',
    '__proto__[x]=1',
    '?',
    '+',
    'x=%00',
  )
  return usually(text, odd, raw).map((own) => (own === '' ? '' : `?${own}`))
}

function bodyText(schema: Schema, words: Vocabulary, seeds: Arbitrary<Seed>): Arbitrary<string | Buffer> {
  const valid = fc
    .oneof(validEntries(schema, words), seeds.map(Object.entries<unknown>))
    .map((fields) => fields.map(([name, value]): Entry => [name, JSON.stringify(value)]))
  const broken = fc
    .tuple(
      valid,
      fc.nat(),
      fc.constantFrom(...breakages),
      fc.oneof(oddText, fc.constantFrom(...Object.keys(schema.properties ?? {}), 'x')),
      oddJson,
    )
    .map(([entries, at, breakage, name, json]) =>
      breakage(entries, entries.length === 0 ? 0 : at % entries.length, name, json),
    )
  return fc.oneof(
    { weight: 12, arbitrary: valid.map(objectText) },
    { weight: 8, arbitrary: broken.map(objectText) },
    { weight: 2, arbitrary: oddJson },
    { weight: 1, arbitrary: fc.constantFrom<string | Buffer>(...noJson) },
  )
}

const objectText = (entries: Entry[]) => `{${entries.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join()}}`

type Breakage = (entries: Entry[], at: number, name: string, json: string) => Entry[]

const breakages: Breakage[] = [
  (entries, at, _name, json) => entries.map((entry, index) => (index === at ? [entry[0], json] : entry)),
  (entries, at) => entries.toSpliced(at, 1),
  (entries, _at, name, json) => [...entries, [name, json]],
  (entries, at, _name, json) => [...entries, [entries[at]?.[0] ?? 'x', json]],
]

const noJson = [
  ...['', ' ', '{', '{"a":}', '{}{}', '\ufeff{}', "{'a':1}", '{"a":NaN}', 'undefined', '\0', '{"a":"\t"}'],
  ...[Buffer.from([0x7b, 0xff, 0x7d]), Buffer.from('{"name":"ä"}', 'latin1'), Buffer.from('{}', 'utf16le')],
  `{"name":"${'x'.repeat(300 * 1024)}"}`,
]
