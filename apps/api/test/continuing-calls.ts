import { setTimeout as delay } from 'node:timers/promises'
import { send } from './http.ts'

/** Leaves the machine to the processes that start meanwhile. */
const pauseMilliseconds = 25
const callers = 3

export interface ContinuingCalls {
  /** Resolves once each has answered that many more. */
  goOn(more: number): Promise<void>
  /** What was answered, each status once; messages where there was no answer. */
  stop(): Promise<{ outcomes: unknown[]; answered: number }>
}

/** Reports usage, a transaction each, to whichever of the origins `next` tells, until it is stopped. */
export function startCalls(next: () => string, headers: Record<string, string>): ContinuingCalls {
  const outcomes: unknown[] = []
  let going = true
  const report = () =>
    send(next(), '/api/v1/tenants/current/usage', { json: { metric: 'tokens' }, headers }).then(
      ({ status }) => status,
      (error: Error) => error.message,
    )
  const calling = Array.from({ length: callers }, async () => {
    while (going) {
      outcomes.push(await report())
      await delay(pauseMilliseconds)
    }
  })
  return {
    goOn: async (more) => {
      const enough = outcomes.length + more
      while (going && outcomes.length < enough) await delay(pauseMilliseconds)
    },
    stop: async () => {
      going = false
      await Promise.all(calling)
      return { outcomes: [...new Set(outcomes)], answered: outcomes.length }
    },
  }
}
