import { serviceErrors } from '../contract/errors.ts'
import { isHeldByAnother } from '../errors/outage.ts'

/** `patient`: it may wait for what others hold; until then it fails at once where it would have to. */
export type TurnWork<Result> = (patient: boolean) => Promise<Result>

/**
 * Takes its turn for an account; the others wait in their order, until then (as of `performance.now()`). Throws
 * `service.overloaded` where none came.
 */
export type Turns = <Result>(account: string, until: number, work: TurnWork<Result>) => Promise<Result>

/**
 * Lets so many work at the same time, and of one account one. Accounts that others hold are left to one who waits for
 * them, one after another, so that they stall nobody else.
 */
export function createTurns(atOnce: number): Turns {
  const quick = createPlaces(atOnce)
  const patient = createPlaces(1)

  return async (account, until, work) => {
    await quick.take(account, until)
    try {
      try {
        return await work(false)
      } catch (error) {
        if (!isHeldByAnother(error)) throw error
      } finally {
        quick.leave()
      }
      await patient.take(account, until)
      try {
        return await work(true)
      } finally {
        patient.leave()
        patient.release(account)
      }
    } finally {
      quick.release(account)
    }
  }
}

/** So many places; whoever has one may leave it before another of the same account may have one. */
function createPlaces(most: number) {
  const waiting: { account: string; begin(): void }[] = []
  const busy = new Set<string>()
  let taken = 0

  function next(): void {
    if (taken >= most) return
    const place = waiting.findIndex(({ account }) => !busy.has(account))
    if (place < 0) return
    const [entry] = waiting.splice(place, 1)
    entry?.begin()
  }

  return {
    take: (account: string, until: number) =>
      new Promise<void>((resolve, refuse) => {
        const giveUp = () => {
          waiting.splice(waiting.indexOf(entry), 1)
          refuse(serviceErrors.overloaded({ retryAfterSeconds: 1 }))
        }
        const timer = setTimeout(giveUp, until - performance.now())
        const begin = () => {
          clearTimeout(timer)
          busy.add(account)
          taken += 1
          resolve()
        }
        const entry = { account, begin }
        waiting.push(entry)
        next()
      }),
    leave: () => {
      taken -= 1
      next()
    },
    release: (account: string) => {
      busy.delete(account)
      next()
    },
  }
}
