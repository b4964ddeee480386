import { serviceErrors } from '../contract/errors.ts'
import { patienceMilliseconds } from './patience.ts'

interface Waiting {
  account: string
  begin(): void
}

/** Takes its turn for an account; the others wait in their order. Throws `service.overloaded` where it came too late. */
export type Turns = <Result>(account: string, work: () => Promise<Result>) => Promise<Result>

/** Lets so many work at the same time, and of one account one: who waits for it holds up its own only. */
export function createTurns(atOnce: number): Turns {
  const waiting: Waiting[] = []
  const busy = new Set<string>()

  function next(): void {
    if (busy.size >= atOnce) return
    const place = waiting.findIndex(({ account }) => !busy.has(account))
    if (place < 0) return
    const [entry] = waiting.splice(place, 1)
    if (entry) busy.add(entry.account)
    entry?.begin()
  }

  return async (account, work) => {
    const asked = performance.now()
    await new Promise<void>((begin) => {
      waiting.push({ account, begin })
      next()
    })
    try {
      if (performance.now() - asked > patienceMilliseconds) throw serviceErrors.overloaded({ retryAfterSeconds: 1 })
      return await work()
    } finally {
      busy.delete(account)
      next()
    }
  }
}
