import { TRPCClientError, type TRPCLink } from '@trpc/client'
import { observable } from '@trpc/server/observable'
import type { AppRouter, Problem } from './app-router.ts'
import type { ErrorCode } from './operations.ts'

export type TenantryError<Code extends ErrorCode = ErrorCode> = TRPCClientError<AppRouter> & {
  readonly problem: Problem & { readonly code: Code }
}

/**
 * Whether the service refused a call, with one of the codes if any are named. False for a call that got no answer:
 * no connection, a time-out, the caller's own abort.
 */
export function isTenantryError<Code extends ErrorCode = ErrorCode>(
  error: unknown,
  ...codes: Code[]
): error is TenantryError<Code> {
  const problem = problemOf(error)
  return problem !== undefined && (codes.length === 0 || (codes as ErrorCode[]).includes(problem.code))
}

/** The problem document that an error of the service carries. */
export function problemOf(error: unknown): Problem | undefined {
  if (!(error instanceof TRPCClientError)) return undefined
  const { problem, data } = error as Partial<TenantryError>
  return problem ?? data?.problem
}

/** Puts the problem document at hand: `error.problem`. */
export const problemLink: TRPCLink<AppRouter> =
  () =>
  ({ op, next }) =>
    observable((observer) =>
      next(op).subscribe({
        next: (value) => observer.next(value),
        complete: () => observer.complete(),
        error: (error) => {
          const problem = error.data?.problem
          observer.error(problem ? Object.assign(error, { problem }) : error)
        },
      }),
    )
