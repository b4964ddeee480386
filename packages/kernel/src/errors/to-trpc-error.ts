import { type TRPC_ERROR_CODE_KEY, TRPCError } from '@trpc/server'
import { ZodError } from 'zod'
import { internalErrorCode, requestErrors } from '../contract/errors.ts'
import type { Problem } from '../contract/problem.ts'
import { AppError, type ErrorKind, errorKinds } from './app-error.ts'

const trpcCodes: Record<ErrorKind, TRPC_ERROR_CODE_KEY> = {
  invalid: 'BAD_REQUEST',
  unauthenticated: 'UNAUTHORIZED',
  forbidden: 'FORBIDDEN',
  not_found: 'NOT_FOUND',
  method_not_allowed: 'METHOD_NOT_SUPPORTED',
  conflict: 'CONFLICT',
  precondition_failed: 'PRECONDITION_FAILED',
  too_large: 'PAYLOAD_TOO_LARGE',
  unsupported_media_type: 'UNSUPPORTED_MEDIA_TYPE',
  unprocessable: 'UNPROCESSABLE_CONTENT',
  too_many_requests: 'TOO_MANY_REQUESTS',
  internal: 'INTERNAL_SERVER_ERROR',
  unavailable: 'SERVICE_UNAVAILABLE',
}

/** Names every field that zod refused, unknown ones included. */
export function issuesOf(error: ZodError): { path: string; message: string }[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map(String)
    if (issue.code !== 'unrecognized_keys') return [{ path: path.join('.'), message: issue.message }]
    return issue.keys.map((key) => ({ path: [...path, key].join('.'), message: 'Unknown field.' }))
  })
}

/** The declared error behind whatever was thrown; anything else is `internal`. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  if (error instanceof TRPCError) {
    if (error.cause instanceof AppError) return error.cause
    if (error.code === 'BAD_REQUEST' && error.cause instanceof ZodError) {
      return requestErrors.invalid({ issues: issuesOf(error.cause) })
    }
    const kind = (Object.keys(trpcCodes) as ErrorKind[]).find((candidate) => trpcCodes[candidate] === error.code)
    if (kind === 'invalid') return requestErrors.invalid()
    if (kind === 'not_found') return requestErrors.not_found({}, 'There is no such procedure.')
    if (kind === 'method_not_allowed') return requestErrors.method_not_allowed()
    if (kind === 'too_large') return requestErrors.too_large()
    if (kind === 'unsupported_media_type') return requestErrors.unsupported_media_type()
  }
  return new AppError('internal', internalErrorCode, 'Something went wrong on our side.')
}

/** The one place where a declared error becomes a tRPC error; the declared one stays its cause. */
export function toTrpcError(error: unknown): TRPCError {
  const known = toAppError(error)
  const cause = known.code === internalErrorCode ? error : known
  return new TRPCError({ code: trpcCodes[known.kind], message: known.message, cause })
}

/** What another service has refused, thrown on with the same status; the problem document stays with it. */
export function problemToTrpcError(problem: Pick<Problem, 'status' | 'detail'>): TRPCError {
  const kind = (Object.keys(trpcCodes) as ErrorKind[]).find((candidate) => errorKinds[candidate] === problem.status)
  const cause = Object.assign(new Error(problem.detail), { problem })
  return new TRPCError({ code: trpcCodes[kind ?? 'unavailable'], message: problem.detail, cause })
}
