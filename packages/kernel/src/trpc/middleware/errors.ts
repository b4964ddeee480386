import { TRPCError } from '@trpc/server'
import { ZodError } from 'zod'
import type { RequestContext } from '../../context/request-context.ts'
import { serviceErrors } from '../../contract/errors.ts'
import type { AppError } from '../../errors/app-error.ts'
import { toAppError } from '../../errors/to-trpc-error.ts'

/**
 * A server that is gone, restarting or out of connections, a statement that waited or ran too long, two that stood in
 * each other's way; all of these may be gone in a second.
 */
const transient = /^(08...|57P0[123]|57014|55P03|40P01|40001|25P03|53300|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT)$/
const transientText =
  /timeout exceeded when trying to connect|Query read timeout|Connection terminated|Client has encountered a connection error|Client was closed/i

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

function isTransient(error: unknown): boolean {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = current.cause, depth++) {
    const code = (current as { code?: unknown }).code
    if (typeof code === 'string' && transient.test(code)) return true
    // What zod says quotes what it was given.
    if (!(current instanceof ZodError) && transientText.test(current.message)) return true
  }
  return false
}
