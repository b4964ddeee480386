import { setTimeout as delay } from 'node:timers/promises'
import { serviceErrors } from '../contract/errors.ts'
import { isTransient } from '../errors/outage.ts'
import { patienceMilliseconds, retryMilliseconds } from './patience.ts'

/**
 * A call on one account that waits as lanes do: for what it needs to be made ready, and for a database that is gone. It
 * may be made twice, so that it has to know what it has kept before. Throws `service.overloaded` when it took too long.
 */
export async function callPatiently<Answer>({
  call,
  makeReady,
}: {
  /** `until`: when it is too late to begin, as of `performance.now()`. */
  call(until: number): Promise<{ answer: Answer } | 'unready'>
  makeReady(): Promise<void>
}): Promise<Answer> {
  const end = performance.now() + patienceMilliseconds
  let wasMadeReady = false
  do {
    try {
      const verdict = await call(end)
      if (verdict !== 'unready') return verdict.answer
      // What was made ready and is not has others at work on it, or cannot be.
      if (wasMadeReady) await delay(retryMilliseconds)
      await makeReady()
      wasMadeReady = true
    } catch (error) {
      if (!isTransient(error)) throw error
      await delay(retryMilliseconds)
    }
  } while (performance.now() < end)
  throw serviceErrors.overloaded({ retryAfterSeconds: 1 })
}
