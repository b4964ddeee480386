import { LRUCache } from 'lru-cache'
import type { Bus } from '../bus/bus.ts'
import type { Clock } from '../context/clock.ts'
import type { FailureBlock } from '../context/dependencies.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { clientNetwork } from './client-network.ts'
import { blockRules, createFailureBlock } from './failure-block.ts'

export interface SharedFailureBlockOptions {
  redis: RedisConnection
  bus: Bus
  clock: Clock
  maxAddresses?: number
}

interface Block {
  network: string
  /** Milliseconds since the epoch. */
  until: number
}

/** As `createFailureBlock` counts, over all processes. Answers whether a block starts, and until when one runs. */
const recordScript = `
local now, failures, within, first, longest, forgiven = unpack(ARGV)
local history = redis.call('HMGET', KEYS[1], 'blocks', 'until')
local blocks, blockedUntil = tonumber(history[1] or '0'), tonumber(history[2] or '0')
if tonumber(now) < blockedUntil then return { 0, blockedUntil } end

redis.call('LPUSH', KEYS[2], now)
redis.call('LTRIM', KEYS[2], 0, failures - 1)
redis.call('PEXPIRE', KEYS[2], within)
local oldest = redis.call('LINDEX', KEYS[2], failures - 1)
if not oldest or now - oldest >= tonumber(within) then return { 0, 0 } end

if now - blockedUntil > tonumber(forgiven) then blocks = 0 end
blockedUntil = now + math.min(first * 2 ^ blocks, tonumber(longest))
redis.call('HSET', KEYS[1], 'blocks', blocks + 1, 'until', string.format('%.0f', blockedUntil))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', blockedUntil - now + forgiven))
redis.call('DEL', KEYS[2])
return { 1, blockedUntil }`

const channel = 'address-blocked'

/**
 * Counts in Redis, on failures only; every process hears of a block and asks nobody whether there is one. Where Redis
 * is gone, each process counts by itself.
 */
export function createSharedFailureBlock(options: SharedFailureBlockOptions): FailureBlock {
  const { redis, bus, clock, maxAddresses = 50_000 } = options
  const alone = createFailureBlock({ clock, maxAddresses })
  const blocks = new LRUCache<string, number>({ max: maxAddresses })
  const record = redis.script(recordScript)
  const now = () => clock.now().getTime()
  bus.subscribe(channel, (message) => {
    const { network, until } = message as Block
    blocks.set(network, until)
  })

  return {
    blockedSeconds(address) {
      const until = blocks.get(clientNetwork(address)) ?? 0
      return Math.max(alone.blockedSeconds(address), Math.ceil((until - now()) / 1000))
    },

    async recordFailure(address) {
      const network = clientNetwork(address)
      try {
        const answer = await record(keysOf(network), [now(), ...rules])
        const [started, until] = answer as [number, number]
        if (started === 1) await bus.publish(channel, { network, until } satisfies Block)
        // This process has not heard of it, for it is new or Redis was gone.
        else if (until > 0) blocks.set(network, until)
        return started === 1
      } catch {
        return alone.recordFailure(address)
      }
    },
  }
}

const { failures, withinSeconds, firstBlockSeconds, longestBlockSeconds, forgivenAfterSeconds } = blockRules
const seconds = [withinSeconds, firstBlockSeconds, longestBlockSeconds, forgivenAfterSeconds]
const rules = [failures, ...seconds.map((each) => each * 1000)]

const keysOf = (network: string) => ['history', 'failures'].map((part) => `tenantry:block:{${network}}:${part}`)
