import { randomUUID } from 'node:crypto'
import type { RateLimits } from '../context/dependencies.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { createRateLimits } from './rate-limits.ts'

/** Refuses without counting, in one step: rate-limiter-flexible counts first, and fixes the budget with the limit. */
const consumeScript = `
local used, window = unpack(redis.call('HMGET', KEYS[1], 'used', 'window'))
local left = redis.call('PTTL', KEYS[1])
if tonumber(used or '0') >= tonumber(ARGV[1]) then return { 0, tonumber(used or '0'), left, window or '' } end
used = redis.call('HINCRBY', KEYS[1], 'used', 1)
if left < 0 then
  left, window = tonumber(ARGV[2]), ARGV[3]
  redis.call('HSET', KEYS[1], 'window', window)
  redis.call('PEXPIRE', KEYS[1], left)
end
return { 1, used, left, window }`

const refundScript = `
local used, window = unpack(redis.call('HMGET', KEYS[1], 'used', 'window'))
if window == ARGV[1] and tonumber(used) > 0 then redis.call('HINCRBY', KEYS[1], 'used', -1) end`

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
        const answer = await consume([storedAt(limit, key)], [budget.points, windowMilliseconds, randomUUID()])
        const [allowed, used, left, window] = answer as [number, number, number, string]
        return {
          allowed: allowed === 1,
          budget,
          remaining: Math.max(0, budget.points - used),
          resetSeconds: Math.max(1, Math.ceil((left < 0 ? windowMilliseconds : left) / 1000)),
          window,
        }
      } catch {
        return alone.consume(limit, key, budget)
      }
    },

    // Redis may have come or gone since the call; only one of the two knows its window.
    async refund(limit, key, window) {
      await alone.refund(limit, key, window)
      await refund([storedAt(limit, key)], [window]).catch(() => undefined)
    },
  }
}

const storedAt = (limit: string, key: string) => `tenantry:limit:${limit}:${key}`
