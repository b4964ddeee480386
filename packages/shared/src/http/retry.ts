import { type Operation, TRPCClientError, type TRPCLink } from '@trpc/client'
import { observable } from '@trpc/server/observable'
import type { AppRouter } from './app-router.ts'
import { problemOf } from './errors.ts'
import { keyedMutations } from './operations.ts'
import { ForeignAnswerError } from './request.ts'

export interface RetryOptions {
  /** How often a call is tried again, 2 if absent; 0 for never. */
  retries?: number | undefined
  /** A longer wait is left to the caller: the error comes at once. 10 seconds if absent. Streams wait up to five minutes. */
  longestWaitMilliseconds?: number | undefined
}

type Attempted = Pick<Operation, 'type' | 'path' | 'input' | 'context'>

const firstWaitMilliseconds = 200
const mostDoublings = 6

/**
 * Milliseconds to wait before attempt `attempt + 1`, or null where it must not be made. `rate_limit.exceeded` is
 * refused before any work, so that anything may be sent again. A 503 may come after the work: only reads and mutations
 * with an idempotency key are sent again. Never a quota's 429, which waiting does not lift.
 */
export function retryDelayMilliseconds(operation: Attempted, error: unknown, attempt: number): number | null {
  const refusal = refusalOf(error)
  const limited = refusal?.code === 'rate_limit.exceeded'
  const unavailable = refusal?.status === 503 && isRepeatable(operation)
  if (!refusal || !(limited || unavailable)) return null
  // The attempts of a stream are those of its whole life.
  const backOff = firstWaitMilliseconds * 2 ** Math.min(attempt - 1, mostDoublings)
  // Never before the time the service names; spread, so that those refused together do not return together.
  if (refusal.retryAfterSeconds !== undefined) return refusal.retryAfterSeconds * 1000 + Math.random() * backOff
  return backOff / 2 + (Math.random() * backOff) / 2
}

interface Refusal {
  status: number
  code?: string | undefined
  retryAfterSeconds?: number | undefined
}

function refusalOf(error: unknown): Refusal | undefined {
  const problem = problemOf(error)
  if (problem) return problem
  const cause = error instanceof TRPCClientError ? error.cause : undefined
  return cause instanceof ForeignAnswerError ? cause : undefined
}

function isRepeatable({ type, path, input, context }: Attempted): boolean {
  if (type === 'query') return true
  const named = (input as { idempotencyKey?: unknown } | undefined)?.idempotencyKey ?? context.idempotencyKey
  return named !== undefined && keyedMutations.has(path)
}

/** Tries again as `retryDelayMilliseconds` says, until the caller aborts. */
export function retryLink({ retries = 2, longestWaitMilliseconds = 10_000 }: RetryOptions): TRPCLink<AppRouter> {
  return () =>
    ({ op, next }) => {
      // A stream is resumed by its transport, which knows where it ended.
      if (op.type === 'subscription') return next(op)
      return observable((observer) => {
        let attempt: { unsubscribe(): void } | undefined
        let waiting: ReturnType<typeof setTimeout> | undefined
        const start = (count: number) => {
          attempt = next(op).subscribe({
            next: (value) => observer.next(value),
            complete: () => observer.complete(),
            error: (error) => {
              const wait = count > retries ? null : retryDelayMilliseconds(op, error, count)
              if (wait === null || wait > longestWaitMilliseconds) observer.error(error)
              else waiting = setTimeout(() => start(count + 1), wait)
            },
          })
        }
        const stop = () => {
          clearTimeout(waiting)
          attempt?.unsubscribe()
          op.signal?.removeEventListener('abort', abort)
        }
        // One call of a batch that is aborted ends at once, though the others still wait for their answers.
        const abort = () => {
          stop()
          observer.error(TRPCClientError.from(op.signal?.reason))
        }
        if (op.signal?.aborted) abort()
        else start(1)
        op.signal?.addEventListener('abort', abort, { once: true })
        return stop
      })
    }
}
