import { TRPCError } from '@trpc/server'
import type { RequestContext } from '../../context/request-context.ts'
import { serviceErrors } from '../../contract/errors.ts'
import type { AppError } from '../../errors/app-error.ts'
import { isTransient } from '../../errors/outage.ts'
import { toAppError } from '../../errors/to-trpc-error.ts'

/** The one place where errors become answers: declared ones keep their code, everything else is `internal`. */
export function answerOf(error: unknown, { logger }: RequestContext, operation: string): AppError {
  const known = toAppError(error)
  if (known.kind !== 'internal') return known
  const cause = error instanceof TRPCError ? (error.cause ?? error) : error
  if (isTransient(cause)) {
    logger.warn({ err: cause, operation }, 'the database did not answer')
    return serviceErrors.overloaded({ retryAfterSeconds: 1 })
  }
  logger.error({ err: cause, operation }, 'an operation failed')
  return known
}
