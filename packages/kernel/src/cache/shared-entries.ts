import { randomUUID } from 'node:crypto'
import type { RedisConnection } from '../redis/connection.ts'
import { createInvalidations, type Invalidations } from './invalidations.ts'

/** What all processes keep together. Nothing throws. */
export interface SharedEntries {
  /** Every invalidation older than a second has arrived here. */
  isCurrent(): boolean
  /** Null where Redis is gone. Whoever finds nothing may store under the ticket, until the key is invalidated. */
  find(key: string): Promise<{ ticket: string; found: SharedEntry | null } | null>
  /** `value` must be plain JSON. */
  store(key: string, ticket: string, entry: SharedEntry): Promise<void>
  invalidations: Invalidations
}

export interface SharedEntry {
  value: unknown
  /** It held what was true then, in milliseconds since the epoch. */
  trueAt: number
  /** How long it may be kept. */
  milliseconds: number
}

/** No load takes longer. */
const ticketMilliseconds = 600_000

/**
 * A ticket begins with the time it was drawn at, by the clock of Redis: what an invalidation that was missed should
 * have removed is older than the moment since which this process misses none.
 */
const findScript = `
local ticket, value = unpack(redis.call('HMGET', KEYS[1], 'ticket', 'value'))
if ticket and tonumber(string.match(ticket, '^%d+')) > tonumber(ARGV[1]) then
  return { ticket, value, redis.call('PTTL', KEYS[1]) }
end
local time = redis.call('TIME')
ticket = string.format('%.0f', time[1] * 1000000 + time[2]) .. '-' .. ARGV[2]
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'ticket', ticket)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return { ticket, false, 0 }`

const storeScript = `
if redis.call('HGET', KEYS[1], 'ticket') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'value', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`

export function createSharedEntries(redis: RedisConnection): SharedEntries {
  const invalidations = createInvalidations(redis, storedAt)
  const runFind = redis.script(findScript)
  const runStore = redis.script(storeScript)
  // Microseconds, by the clock of Redis.
  let trustedSince = timeOf(redis)
  invalidations.onReceived((key) => {
    if (key === null) trustedSince = timeOf(redis)
  })

  async function trustSince(): Promise<number | null> {
    const known = await trustedSince
    if (known === null) trustedSince = timeOf(redis)
    return known ?? trustedSince
  }

  return {
    isCurrent: redis.isCurrent,

    async find(key) {
      if (!redis.isUp()) return null
      try {
        const since = await trustSince()
        if (since === null) return null
        const answer = await runFind([storedAt(key)], [since, randomUUID(), ticketMilliseconds])
        const [ticket, text, milliseconds] = answer as [string, string | null, number]
        if (text === null) return { ticket, found: null }
        const { value, trueAt } = JSON.parse(text) as Partial<SharedEntry>
        return { ticket, found: { value, trueAt: trueAt ?? 0, milliseconds } }
      } catch {
        return null
      }
    },

    async store(key, ticket, { value, trueAt, milliseconds }) {
      await runStore([storedAt(key)], [ticket, JSON.stringify({ value, trueAt }), milliseconds]).catch(() => undefined)
    },

    invalidations,
  }
}

const storedAt = (key: string) => `tenantry:cache:${key}`

/** Null where it cannot be had. */
async function timeOf(redis: RedisConnection): Promise<number | null> {
  const time = await redis.run((client) => client.time()).catch(() => null)
  return time && Number(time[0]) * 1_000_000 + Number(time[1])
}
