import { ZodError } from 'zod'

/** A server that is gone, restarting or out of connections. */
const outageCode = /^(08...|57P0[123]|53300|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT)$/
const outageText =
  /timeout exceeded when trying to connect|Query read timeout|Connection terminated|Client has encountered a connection error|Client was closed/i

/** A statement that waited or ran too long, two that stood in each other's way. */
const contentionCode = /^(57014|55P03|40P01|40001|25P03)$/

/** The database could not be asked, which tells nothing of what is in it. */
export const isOutage = (error: unknown): boolean =>
  // What zod says quotes what it was given.
  causesOf(error).some(
    (cause) => hasCode(cause, outageCode) || (!(cause instanceof ZodError) && outageText.test(cause.message)),
  )

/** May be gone in a second. */
export const isTransient = (error: unknown): boolean =>
  isOutage(error) || causesOf(error).some((cause) => hasCode(cause, contentionCode))

/** What was to be held is held by another, and the statement was not to wait for it, or no longer. */
export const isHeldByAnother = (error: unknown): boolean => causesOf(error).some((cause) => hasCode(cause, /^55P03$/))

function hasCode(error: Error, pattern: RegExp): boolean {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && pattern.test(code)
}

function causesOf(error: unknown): Error[] {
  const causes: Error[] = []
  for (let current = error; current instanceof Error && causes.length < 5; current = current.cause) causes.push(current)
  return causes
}
