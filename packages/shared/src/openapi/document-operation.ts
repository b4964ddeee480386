import type { Operation } from '@tenantry/kernel/contract/operation'
import type { oas31 } from 'zod-openapi'
import { headerReferences, parameterReference } from './document-components.ts'
import { errorResponses, takesIdempotencyKey } from './document-errors.ts'
import type { DocumentExamples } from './document-examples.ts'
import { pathParameters, type RestProcedure, successStatus, takesIfMatch } from './rest-procedure.ts'

/** Adds what trpc-to-openapi cannot say to the operation that it generated. */
export function completeOperation(
  generated: oas31.OperationObject,
  { name, operation }: RestProcedure,
  examples: DocumentExamples,
): oas31.OperationObject {
  const { parameters = [], requestBody, responses, security: _security, tags, summary, description } = generated
  const shown = examples.operations[name]
  return {
    operationId: name,
    ...(tags ? { tags } : {}),
    ...(summary ? { summary } : {}),
    ...(description ? { description } : {}),
    ...(operation.permission === null || operation.permission === 'any'
      ? {}
      : { 'x-required-scope': operation.permission }),
    security: security(operation),
    parameters: [...parameters, ...headerParameters(operation)],
    ...(requestBody && !('$ref' in requestBody)
      ? { requestBody: completeBody(requestBody, operation, shown?.body) }
      : {}),
    responses: { ...successResponses(responses, operation, shown?.answer), ...errorResponses(operation, examples) },
  }
}

/** API keys belong to one tenant and reach nothing outside it. */
function security({ unitOfWork }: Operation): oas31.SecurityRequirementObject[] {
  if (unitOfWork === 'none') return []
  return unitOfWork === 'tenant' ? [{ bearer: [] }, { apiKey: [] }] : [{ bearer: [] }]
}

function headerParameters(operation: Operation): oas31.ReferenceObject[] {
  const { unitOfWork, rest, type } = operation
  const names: Parameters<typeof parameterReference>[0][] = []
  if (unitOfWork === 'tenant' && !pathParameters(rest.path).includes('tenantId')) names.push('X-Tenant-ID')
  if (takesIdempotencyKey(operation)) names.push(operation.idempotency === 'event' ? 'Event-Key' : 'Idempotency-Key')
  if (takesIfMatch(operation)) names.push('If-Match')
  if (rest.versioned && type === 'query') names.push('If-None-Match')
  return names.map(parameterReference)
}

/** A body whose fields are all optional may be left out, and `If-Match` may replace `expectedVersion`. */
function completeBody(body: oas31.RequestBodyObject, operation: Operation, example: unknown): oas31.RequestBodyObject {
  const schema = body.content['application/json']?.schema
  if (schema === undefined || '$ref' in schema) return body
  const { required = [], ...open } = schema
  const needed = required.filter((field) => field !== 'expectedVersion' || !takesIfMatch(operation))
  const completed = needed.length === 0 ? open : { ...open, required: needed }
  return { required: needed.length > 0, content: { 'application/json': { schema: completed, ...shownAs(example) } } }
}

function successResponses(
  generated: oas31.ResponsesObject | undefined,
  operation: Operation,
  example: unknown,
): oas31.ResponsesObject {
  const status = successStatus(operation)
  const headers = headerReferences(successHeaders(operation))
  const success: oas31.ResponseObject = { description: 'Done.', headers }
  const json = generated?.['200']?.content?.['application/json']
  if (status !== 204 && json) success.content = { 'application/json': { ...json, ...shownAs(example) } }
  const readsVersion = operation.rest.versioned && operation.type === 'query'
  const unchanged = {
    description: 'You have the current version.',
    headers: headerReferences(['X-Request-Id', 'ETag']),
  }
  return { [status]: success, ...(readsVersion ? { 304: unchanged } : {}) }
}

const shownAs = (example: unknown) => (example === undefined ? {} : { example })

function successHeaders(operation: Operation): Parameters<typeof headerReferences>[0] {
  const { rest, output } = operation
  const pages = rest.method === 'GET' && 'shape' in output && 'nextCursor' in (output.shape as object)
  return [
    'X-Request-Id',
    'RateLimit',
    'RateLimit-Policy',
    ...(rest.versioned ? (['ETag'] as const) : []),
    ...(pages ? (['Link'] as const) : []),
    ...(takesIdempotencyKey(operation) && operation.idempotency === 'response'
      ? (['Idempotency-Replayed'] as const)
      : []),
  ]
}
