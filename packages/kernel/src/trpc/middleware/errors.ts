import { serviceErrors } from '../../contract/errors.ts'
import { toAppError, toTrpcError } from '../../errors/to-trpc-error.ts'
import { t } from '../init.ts'

/** A server that is gone, restarting or out of connections; all of these may be gone in a second. */
const transient = /^(08...|57P0[123]|53300|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT)$/
const transientText =
  /timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error/i

/** The one place where errors become answers: declared ones keep their code, everything else is `internal`. */
export const errors = t.middleware(async ({ ctx, next, path }) => {
  const result = await next()
  if (result.ok) return result
  const cause = result.error.cause ?? result.error
  if (isTransient(cause)) {
    ctx.logger.warn({ err: cause, operation: path }, 'the database did not answer')
    throw toTrpcError(serviceErrors.overloaded({ retryAfterSeconds: 1 }))
  }
  const known = toAppError(result.error)
  if (known.kind === 'internal') ctx.logger.error({ err: cause, operation: path }, 'an operation failed')
  throw toTrpcError(known.kind === 'internal' ? cause : known)
})

function isTransient(error: unknown): boolean {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = current.cause, depth++) {
    const code = (current as { code?: unknown }).code
    if (typeof code === 'string' && transient.test(code)) return true
    if (transientText.test(current.message)) return true
  }
  return false
}
