import { authErrors } from '../contract/errors.ts'
import type { AppError } from './app-error.ts'

const known = new WeakSet<object>()

/** Refuses credentials that were good and are so no longer: whoever shows them has guessed nothing. */
export function lapsed(message: string): AppError {
  const error = authErrors.unauthenticated({}, message)
  known.add(error)
  return error
}

export const isLapsed = (error: object): boolean => known.has(error)
