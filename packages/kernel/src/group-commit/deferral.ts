import { setTimeout as delay } from 'node:timers/promises'
import type { Dependencies } from '../context/dependencies.ts'
import { serviceErrors } from '../contract/errors.ts'
import { AppError } from '../errors/app-error.ts'

export interface DeferralOptions<Item, Answer> {
  /** `repeated`: an earlier try may have been kept. Throws `service.overloaded` where it cannot be told now. */
  write(item: Item, given: { repeated: boolean }): Promise<Answer>
  /** What is told instead of an answer, and what is written later in its place; null where the caller must wait or fail. */
  defer(item: Item): { answer: Answer; later: Item } | null
  logger: Dependencies['logger']
}

export interface Deferral<Item, Answer> {
  write(item: Item): Promise<Answer>
  /** How many were answered and are not kept yet. */
  readonly size: number
  /** Tries once more; what is left then is lost, and told to the log. */
  close(): Promise<void>
}

/** In this process only: it is lost with it. */
const mostDeferred = 100_000
const atOnce = 500
const retryMilliseconds = 500

/**
 * Lets callers go on while nothing can be written: what may be is answered at once, kept in memory and written when that
 * is possible again. While any waits, the next is not tried first.
 */
export function createDeferral<Item, Answer>({ write, defer, logger }: DeferralOptions<Item, Answer>) {
  const waiting: Item[] = []
  const state = { closed: false, running: Promise.resolve(), isRunning: false }

  function keep(item: Item): Answer | null {
    const deferred = state.closed || waiting.length >= mostDeferred ? null : defer(item)
    if (deferred === null) return null
    waiting.push(deferred.later)
    if (!state.isRunning) state.running = run()
    return deferred.answer
  }

  async function run(): Promise<void> {
    state.isRunning = true
    while (waiting.length > 0 && !state.closed) {
      await delay(retryMilliseconds)
      await writeLater()
    }
    state.isRunning = false
  }

  async function writeLater(): Promise<void> {
    for (let count = waiting.length; count > 0; count -= atOnce) {
      const items = waiting.slice(0, Math.min(count, atOnce))
      const settled = await Promise.allSettled(items.map((item) => write(item, { repeated: true })))
      const left = items.filter((_, index) => isOverloaded(reasonOf(settled[index])))
      waiting.splice(0, items.length, ...left)
      for (const each of settled) {
        if (each.status === 'rejected' && !isOverloaded(each.reason))
          logger.error({ err: each.reason }, 'what was answered before cannot be written')
      }
      if (left.length > 0) return
    }
  }

  const deferral: Deferral<Item, Answer> = {
    get size() {
      return waiting.length
    },
    write: async (item) => {
      if (state.closed) throw serviceErrors.overloaded({ retryAfterSeconds: 1 })
      const early = waiting.length > 0 ? keep(item) : null
      if (early !== null) return early
      try {
        return await write(item, { repeated: false })
      } catch (error) {
        const late = isOverloaded(error) ? keep(item) : null
        if (late === null) throw error
        return late
      }
    },
    close: async () => {
      state.closed = true
      await state.running
      await writeLater()
      if (waiting.length > 0) logger.error({ count: waiting.length }, 'what was answered before the end is lost')
    },
  }
  return deferral
}

const reasonOf = (settled: PromiseSettledResult<unknown> | undefined): unknown =>
  settled?.status === 'rejected' ? settled.reason : null

const isOverloaded = (error: unknown) => error instanceof AppError && error.code === serviceErrors.overloaded.code
