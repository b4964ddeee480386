import {
  apiKeyUseErrors,
  authErrors,
  type ErrorFactory,
  idempotencyErrors,
  internalErrorCode,
  limitErrors,
  rateLimitErrors,
  requestErrors,
  serviceErrors,
  tenantSelectionErrors,
} from '@tenantry/kernel/contract/errors'
import type { Operation } from '@tenantry/kernel/contract/operation'
import { errorKinds } from '@tenantry/kernel/errors/app-error'
import type { oas31 } from 'zod-openapi'
import { headerReferences, schemaReference } from './document-components.ts'
import { type DocumentExamples, exampleReferences } from './document-examples.ts'
import { takesBody, takesIfMatch } from './rest-procedure.ts'

type DocumentedError = Pick<ErrorFactory, 'code' | 'kind' | 'message'>

/** One answer per status that the operation or the pipeline before it may refuse with. */
export function errorResponses(operation: Operation, examples: DocumentExamples): oas31.ResponsesObject {
  const declared: DocumentedError[] = [...pipelineErrors(operation), ...operation.errors]
  const byCode = new Map(
    [...declared, ...preconditionErrors(operation)].map((error) => [`${error.kind} ${error.code}`, error]),
  )
  const byStatus = Map.groupBy(byCode.values(), ({ kind }) => errorKinds[kind])
  const statuses = [...byStatus].sort(([left], [right]) => left - right)
  return Object.fromEntries(statuses.map(([status, errors]) => [status, problemResponse(status, errors, examples)]))
}

/** What the pipeline and the door may refuse an operation with, whatever it declares itself. */
export function pipelineErrors(operation: Operation): DocumentedError[] {
  const { unitOfWork, permission, allowInactive, allowOverLimit, rateLimit, rest, idempotency } = operation
  const inTenant = unitOfWork === 'tenant'
  // What is for users refuses keys, which are none.
  const anyone = permission === 'any' || unitOfWork === 'none'
  return [
    requestErrors.invalid,
    requestErrors.https_required,
    // Who signs in badly is refused even where nobody needs to sign in.
    authErrors.unauthenticated,
    authErrors.blocked,
    // A path may say `current` too.
    ...when(inTenant, tenantSelectionErrors.not_selected),
    authErrors.user_deactivated,
    // A key is refused wherever it is shown.
    authErrors.ip_not_allowed,
    apiKeyUseErrors.access_disabled,
    ...when(!anyone, authErrors.permission_denied),
    ...when(inTenant, tenantSelectionErrors.not_found, tenantSelectionErrors.mismatch),
    ...when(inTenant && allowInactive !== true, tenantSelectionErrors.inactive),
    ...when(takesBody(rest.method), requestErrors.too_large, requestErrors.unsupported_media_type),
    ...when(
      takesIdempotencyKey(operation) && idempotency === 'response',
      idempotencyErrors.in_progress,
      idempotencyErrors.conflict,
    ),
    rateLimitErrors.exceeded,
    // Platform admins, who alone may do the rest, have calls without end.
    ...when(
      inTenant && permission !== 'platform' && rateLimit !== 'usage' && !allowOverLimit,
      limitErrors.limit_exceeded,
    ),
    { code: internalErrorCode, kind: 'internal', message: 'Something went wrong on our side.' },
    serviceErrors.overloaded,
  ]
}

export function takesIdempotencyKey({ type, rest, idempotency }: Operation): boolean {
  return type === 'mutation' && rest.method === 'POST' && idempotency !== 'none'
}

/** What is a conflict with `expectedVersion` is a failed precondition with `If-Match`. */
function preconditionErrors(operation: Operation): DocumentedError[] {
  if (!takesIfMatch(operation)) return []
  const stale = operation.errors.filter(({ kind, code }) => kind === 'conflict' && code.endsWith('.concurrent_update'))
  return stale.map(({ code, message }) => ({ code, kind: 'precondition_failed', message }))
}

function when(applies: boolean, ...errors: DocumentedError[]): DocumentedError[] {
  return applies ? errors : []
}

function problemResponse(status: number, errors: DocumentedError[], examples: DocumentExamples): oas31.ResponseObject {
  const codes = errors.map(({ code }) => code).sort()
  return {
    description: errors
      .map(({ code, message }) => `- \`${code}\`: ${message}`)
      .sort()
      .join('\n'),
    headers: headerReferences([
      'X-Request-Id',
      ...(status === 401 ? (['WWW-Authenticate'] as const) : []),
      ...(status === 429 ? (['RateLimit', 'RateLimit-Policy'] as const) : []),
      ...(status === 429 || status === 503 ? (['Retry-After'] as const) : []),
    ]),
    content: {
      'application/problem+json': {
        schema: {
          allOf: [
            schemaReference('Problem'),
            { type: 'object', properties: { code: { type: 'string', enum: codes } } },
          ],
        },
        ...exampleReferences(codes, examples),
      },
    },
  }
}
