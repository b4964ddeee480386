import { requestErrors } from '@tenantry/kernel/contract/errors'
import type { Operation } from '@tenantry/kernel/contract/operation'
import type { Request } from 'express'
import { type Coercion, coercionOf } from './coercion.ts'
import { versionOfIfMatch } from './preconditions.ts'
import { defaultBodyLimitBytes, hasBody, readJsonBody } from './request-body.ts'
import { isTenantHint, takesBody, takesIfMatch } from './rest-procedure.ts'

type Input = Record<string, unknown>

/** Puts path, query or body, and `If-Match` together into the input of one operation. */
export type InputReader = (request: Request, parameters: [name: string, value: string][]) => Promise<Input>

export function createInputReader(operation: Operation): InputReader {
  const { input: schema, rest } = operation
  const coercions = new Map(Object.entries(schema.shape).map(([name, field]) => [name, coercionOf(field)]))
  return async (request, parameters) => {
    const input = takesBody(request.method)
      ? await readBodyInput(request, rest.bodyLimitBytes ?? defaultBodyLimitBytes)
      : readQueryInput(request, coercions)
    for (const [name, text] of parameters) {
      if (!isTenantHint(operation, name)) setOnce(input, name, coerce(coercions, name, text), 'the path')
    }
    const ifMatch = request.headers['if-match']
    const version = takesIfMatch(operation) && ifMatch !== undefined ? versionOfIfMatch(ifMatch) : null
    if (version !== null) setOnce(input, 'expectedVersion', version, 'If-Match')
    return input
  }
}

export function queryText(request: Request): string {
  const start = request.url.indexOf('?')
  return start === -1 ? '' : request.url.slice(start + 1)
}

async function readBodyInput(request: Request, limitBytes: number): Promise<Input> {
  const [name] = new URLSearchParams(queryText(request)).keys()
  if (name !== undefined) throw invalidField(name, 'Send it in the body: this operation takes no query.')
  return readJsonBody(request, limitBytes)
}

function readQueryInput(request: Request, coercions: Map<string, Coercion>): Input {
  if (hasBody(request)) throw requestErrors.invalid({}, 'This method takes no body: send the fields in the query.')
  // Without a prototype, `__proto__` is a name like any other and reaches the schema.
  const input: Input = Object.create(null)
  const query = new URLSearchParams(queryText(request))
  for (const name of new Set(query.keys())) {
    const values = query.getAll(name)
    input[name] = coerce(coercions, name, values.length === 1 ? (values[0] ?? '') : values)
  }
  return input
}

function coerce(coercions: Map<string, Coercion>, name: string, value: string | string[]): unknown {
  return coercions.get(name)?.(value) ?? value
}

function setOnce(input: Input, name: string, value: unknown, source: string): void {
  if (Object.hasOwn(input, name) && input[name] !== value) throw invalidField(name, `Differs from ${source}.`)
  input[name] = value
}

function invalidField(path: string, message: string) {
  return requestErrors.invalid({ issues: [{ path, message }] })
}
