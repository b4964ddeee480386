import { RateLimiterMemory } from 'rate-limiter-flexible'
import type { RateLimits } from '../context/dependencies.ts'

/**
 * Counts in this process. A key's window starts with its first call and lasts what the budget of that call said; a
 * budget that changes meanwhile is held against the calls already counted. Refused calls do not count.
 */
export function createRateLimits(): RateLimits {
  const counters = new Map<string, RateLimiterMemory>()

  function counterOf(limit: string): RateLimiterMemory {
    const known = counters.get(limit)
    if (known) return known
    // The counter only counts: the budget comes with each call, and so does the window.
    const counter = new RateLimiterMemory({ keyPrefix: '', points: Number.MAX_SAFE_INTEGER, duration: 60 })
    counters.set(limit, counter)
    return counter
  }

  return {
    async consume(limit, key, budget) {
      const counter = counterOf(limit)
      const askedAt = Date.now()
      const counted = await counter.consume(key, 1, { customDuration: budget.windowSeconds })
      const allowed = counted.consumedPoints <= budget.points
      // Its end, or a moment before: what is given back must not reach the next one.
      const window = String(askedAt + counted.msBeforeNext)
      if (!allowed) await giveBack(counter, key, window)
      return {
        allowed,
        budget,
        remaining: Math.max(0, budget.points - counted.consumedPoints),
        resetSeconds: Math.ceil(counted.msBeforeNext / 1000),
        window,
      }
    },
    refund: (limit, key, window) => giveBack(counterOf(limit), key, window),
  }
}

async function giveBack(counter: RateLimiterMemory, key: string, window: string): Promise<void> {
  const counted = await counter.get(key)
  const isRunning = Date.now() < Number(window)
  if (isRunning && counted && counted.consumedPoints > 0) await counter.reward(key, 1)
}
