import { setTimeout as delay } from 'node:timers/promises'
import type { Dependencies } from '../context/dependencies.ts'
import { serviceErrors } from '../contract/errors.ts'
import { AppError } from '../errors/app-error.ts'
import { waitAtMost } from './patience.ts'

export interface DeferralOptions<Item, Answer> {
  accountOf(item: Item): string
  /** `repeated`: an earlier try may have been kept. Throws `service.overloaded` where it cannot be told now. */
  write(item: Item, given: { repeated: boolean }): Promise<Answer>
  /** What is told instead of an answer, and what is written later in its place; null where the caller must wait or fail. */
  defer(item: Item): { answer: Answer; later: Item } | null
  /** Why it will never be kept, for the log; null where it is. */
  refusalOf(answer: Answer): string | null
  logger: Dependencies['logger']
}

export interface Deferral<Item, Answer> {
  write(item: Item): Promise<Answer>
  /** How many were answered and are not kept yet. */
  readonly size: number
  /** Lets in nothing more and tries once more, for some seconds; what is left then is lost, and told to the log. */
  close(): Promise<void>
}

/** In this process only: it is lost with it. The less room is left, the less one account may have: others find some. */
const mostDeferred = 50_000
const mostDeferredOfAccount = 5_000
const atOnce = 100
const retryMilliseconds = 500
const closeMilliseconds = 4_000

/**
 * Lets callers go on while their account cannot be written: what may be is answered at once, kept in memory and written
 * when that is possible again. While any of an account waits, the next of it is not tried first; others are.
 */
export function createDeferral<Item, Answer>(options: DeferralOptions<Item, Answer>): Deferral<Item, Answer> {
  const { accountOf, write, defer, logger } = options
  const accounts = new Map<string, Item[]>()
  const running = new Set<Promise<void>>()
  const end = new AbortController()
  let size = 0

  function keep(item: Item): Answer | null {
    const account = accountOf(item)
    const waiting = accounts.get(account)
    const isFull = (waiting?.length ?? 0) >= Math.min(mostDeferredOfAccount, mostDeferred - size)
    const deferred = isFull ? null : defer(item)
    if (deferred === null) return null
    size += 1
    if (waiting) waiting.push(deferred.later)
    else {
      accounts.set(account, [deferred.later])
      const run = writeLater(account).finally(() => running.delete(run))
      running.add(run)
    }
    return deferred.answer
  }

  async function writeLater(account: string): Promise<void> {
    const waiting = accounts.get(account) ?? []
    while (waiting.length > 0) {
      await delay(retryMilliseconds, undefined, { signal: end.signal }).catch(() => undefined)
      // One tells whether the others can be written.
      const wasWritten = await writeSome(account, waiting, 1)
      while (wasWritten && waiting.length > 0 && (await writeSome(account, waiting, atOnce)));
      if (end.signal.aborted) return
    }
    accounts.delete(account)
  }

  /** Whether all of them were written. */
  async function writeSome(account: string, waiting: Item[], count: number): Promise<boolean> {
    const items = waiting.slice(0, count)
    const settled = await Promise.allSettled(items.map((item) => write(item, { repeated: true })))
    const left = items.filter((_, index) => isOverloaded(reasonOf(settled[index])))
    waiting.splice(0, items.length, ...left)
    size -= items.length - left.length
    tellOfLost(settled, account, options)
    return left.length === 0
  }

  return {
    get size() {
      return size
    },
    write: async (item) => {
      if (end.signal.aborted) throw serviceErrors.overloaded({ retryAfterSeconds: 1 })
      const early = accounts.has(accountOf(item)) ? keep(item) : null
      if (early !== null) return early
      try {
        return await write(item, { repeated: false })
      } catch (error) {
        const late = isOverloaded(error) && !end.signal.aborted ? keep(item) : null
        if (late === null) throw error
        return late
      }
    },
    close: async () => {
      end.abort()
      await waitAtMost(closeMilliseconds, Promise.all(running))
      if (size > 0) logger.error({ count: size }, 'what was answered before the end is lost')
    },
  }
}

function tellOfLost<Answer>(
  settled: PromiseSettledResult<Answer>[],
  account: string,
  { refusalOf, logger }: Pick<DeferralOptions<never, Answer>, 'refusalOf' | 'logger'>,
): void {
  for (const each of settled) {
    if (each.status === 'rejected' && !isOverloaded(each.reason)) {
      logger.error({ err: each.reason }, 'what was answered before cannot be written')
    }
  }
  const refused = settled.flatMap((each) => (each.status === 'fulfilled' ? (refusalOf(each.value) ?? []) : []))
  if (refused.length === 0) return
  const reasons = [...new Set(refused)]
  logger.warn({ account, count: refused.length, reasons }, 'what was answered before is refused, and lost')
}

const reasonOf = (settled: PromiseSettledResult<unknown> | undefined): unknown =>
  settled?.status === 'rejected' ? settled.reason : null

const isOverloaded = (error: unknown) => error instanceof AppError && error.code === serviceErrors.overloaded.code
