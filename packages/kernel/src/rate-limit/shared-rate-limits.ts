import type { RateLimits } from '../context/dependencies.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { createRateLimits } from './rate-limits.ts'

/** Refuses without counting, in one step: rate-limiter-flexible counts first, and fixes the budget with the limit. */
const consumeScript = `
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
local left = redis.call('PTTL', KEYS[1])
if used >= tonumber(ARGV[1]) then return { 0, used, left } end
used = redis.call('INCR', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  left = tonumber(ARGV[2])
end
return { 1, used, left }`

const refundScript = `
if tonumber(redis.call('GET', KEYS[1]) or '0') > 0 then redis.call('DECR', KEYS[1]) end`

/**
 * Counts as `createRateLimits` does, over all processes that share the Redis. Where that is gone, each process counts
 * by itself, with the whole budget: a caller gets more than its due rather than less.
 */
export function createSharedRateLimits(redis: RedisConnection): RateLimits {
  const alone = createRateLimits()
  const consume = redis.script(consumeScript)
  const refund = redis.script(refundScript)

  return {
    async consume(limit, key, budget) {
      const windowMilliseconds = budget.windowSeconds * 1000
      try {
        const answer = await consume([storedAt(limit, key)], [budget.points, windowMilliseconds])
        const [allowed, used, left] = answer as [number, number, number]
        return {
          allowed: allowed === 1,
          budget,
          remaining: Math.max(0, budget.points - used),
          resetSeconds: Math.max(1, Math.ceil((left < 0 ? windowMilliseconds : left) / 1000)),
        }
      } catch {
        return alone.consume(limit, key, budget)
      }
    },

    async refund(limit, key) {
      try {
        await refund([storedAt(limit, key)], [])
      } catch {
        await alone.refund(limit, key)
      }
    },
  }
}

const storedAt = (limit: string, key: string) => `tenantry:limit:${limit}:${key}`
