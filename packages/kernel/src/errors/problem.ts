import { internalErrorCode } from '../contract/errors.ts'
import type { Problem } from '../contract/problem.ts'
import { AppError, type errorKinds } from './app-error.ts'

const titles: Record<keyof typeof errorKinds, string> = {
  invalid: 'Bad Request',
  unauthenticated: 'Unauthorized',
  forbidden: 'Forbidden',
  not_found: 'Not Found',
  method_not_allowed: 'Method Not Allowed',
  conflict: 'Conflict',
  precondition_failed: 'Precondition Failed',
  too_large: 'Content Too Large',
  unsupported_media_type: 'Unsupported Media Type',
  unprocessable: 'Unprocessable Content',
  too_many_requests: 'Too Many Requests',
  internal: 'Internal Server Error',
  unavailable: 'Service Unavailable',
}

/** An error nobody declared leaves without a word of its own: its text may hold rows, SQL or secrets. */
export function toProblem(error: unknown, requestId: string, instance?: string): Problem {
  const known =
    error instanceof AppError ? error : new AppError('internal', internalErrorCode, 'Something went wrong on our side.')
  return {
    type: `urn:tenantry:error:${known.code}`,
    title: titles[known.kind],
    status: known.status,
    detail: known.message,
    ...(instance === undefined ? {} : { instance }),
    code: known.code,
    requestId,
    ...known.details,
  }
}
