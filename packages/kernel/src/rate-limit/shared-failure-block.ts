import { LRUCache } from 'lru-cache'
import type { Bus } from '../bus/bus.ts'
import type { FailureBlock } from '../context/rate-limits.ts'
import { serviceErrors } from '../contract/errors.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { clientNetwork } from './client-network.ts'
import { blockRules, createFailureBlock, type FailureBlockOptions } from './failure-block.ts'

export interface SharedFailureBlockOptions extends FailureBlockOptions {
  redis: RedisConnection
  bus: Bus
  /** Tells blocks apart that share a Redis. */
  kind: string
}

/** Milliseconds since the epoch. */
interface Block {
  since: number
  until: number
}

interface Message extends Block {
  name: string
}

/** As `createFailureBlock` counts, over all processes. Answers whether a block starts, and from when until when one runs. */
const recordScript = `
local now, failures, within, first, longest, forgiven = unpack(ARGV)
local history = redis.call('HMGET', KEYS[1], 'blocks', 'until', 'since')
local blocks, blockedUntil = tonumber(history[1] or '0'), tonumber(history[2] or '0')
if tonumber(now) < blockedUntil then return { 0, tonumber(history[3] or '0'), blockedUntil } end

redis.call('LPUSH', KEYS[2], now)
redis.call('LTRIM', KEYS[2], 0, failures - 1)
redis.call('PEXPIRE', KEYS[2], within)
local oldest = redis.call('LINDEX', KEYS[2], failures - 1)
if not oldest or now - oldest >= tonumber(within) then return { 0, 0, 0 } end

if now - blockedUntil > tonumber(forgiven) then blocks = 0 end
blockedUntil = now + math.min(first * 2 ^ blocks, tonumber(longest))
redis.call('HSET', KEYS[1], 'blocks', blocks + 1, 'since', now, 'until', string.format('%.0f', blockedUntil))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', blockedUntil - now + forgiven))
redis.call('DEL', KEYS[2])
return { 1, tonumber(now), blockedUntil }`

/**
 * Counts in Redis, on failures only; every process hears of a block and asks nobody whether there is one. Where Redis
 * is gone, each process counts by itself.
 */
export function createSharedFailureBlock(options: SharedFailureBlockOptions): FailureBlock {
  const { redis, bus, clock, kind, maxSubjects = 50_000, rules = blockRules, nameOf = clientNetwork } = options
  const alone = createFailureBlock(options)
  const record = redis.script(recordScript)
  const now = () => clock.now().getTime()
  const channel = `${kind}-blocked`
  const keysOf = (name: string) => ['history', 'failures'].map((part) => `tenantry:block:${kind}:{${name}}:${part}`)
  const ruleValues = valuesOf(rules)

  const running = createIndex(redis, kind)
  const { blocks, hear, catchUp } = createKnownBlocks({
    maxSubjects,
    list: () => running.list(now()),
    lifted: (name) => void alone.lift(name),
  })
  bus.subscribe(channel, (message) => hear(message as Message))
  void catchUp()
  bus.onRecovered(() => void catchUp())

  return {
    blockedSeconds(subject) {
      const until = blocks.get(nameOf(subject))?.until ?? 0
      return Math.max(alone.blockedSeconds(subject), Math.ceil((until - now()) / 1000))
    },

    async recordFailure(subject) {
      const name = nameOf(subject)
      try {
        const answer = await record(keysOf(name), [now(), ...ruleValues])
        const [started, since, until] = answer as [number, number, number]
        const message: Message = { name, since, until }
        // This process may not have heard of one that runs, for it is new or Redis was gone.
        if (started === 0 && until > 0) hear(message)
        if (started === 1) {
          hear(message)
          // Before others hear of it: whoever reads the index afterwards keeps what it lists.
          await running.add(message, now()).catch(() => undefined)
          await bus.publish(channel, message)
        }
        return started === 1
      } catch {
        return alone.recordFailure(subject)
      }
    },

    async list() {
      await catchUp()
      const heard = [...blocks.entries()].map(([subject, { since, until }]) => ({
        subject,
        since: new Date(since),
        until: new Date(until),
      }))
      const own = (await alone.list()).filter(({ subject }) => !blocks.has(subject))
      return [...heard, ...own].filter(({ until }) => until.getTime() > now())
    },

    async lift(subject) {
      const name = nameOf(subject)
      const block = blocks.get(name)
      const unreachable = () => Promise.reject(serviceErrors.overloaded({ retryAfterSeconds: 1 }))
      if (block) await running.remove({ name, ...block }, keysOf(name)).catch(unreachable)
      blocks.delete(name)
      await alone.lift(subject)
      if (block) await bus.publish(channel, { name, since: 0, until: 0 } satisfies Message)
    },
  }
}

/** What this process has heard of. */
function createKnownBlocks({
  maxSubjects,
  list,
  lifted,
}: {
  maxSubjects: number
  list(): Promise<Message[]>
  lifted(name: string): void
}) {
  const blocks = new LRUCache<string, Block>({ max: maxSubjects })
  /** For each reading of the index that is under way, the names that were heard of meanwhile: the index may be older. */
  const readings = new Set<Set<string>>()
  const keep = ({ name, ...block }: Message) => void blocks.set(name, block)

  function hear(message: Message): void {
    for (const heard of readings) heard.add(message.name)
    if (message.until > 0) keep(message)
    else {
      blocks.delete(message.name)
      lifted(message.name)
    }
  }

  /** What began or was lifted before this process did, or while it did not hear. */
  async function catchUp(): Promise<void> {
    const heard = new Set<string>()
    readings.add(heard)
    try {
      const messages = await list()
      const listed = new Set(messages.map(({ name }) => name))
      for (const name of [...blocks.keys()]) if (!listed.has(name) && !heard.has(name)) blocks.delete(name)
      for (const message of messages) if (!heard.has(message.name)) keep(message)
    } catch {
      // What is known goes on; the next recovery brings the rest.
    } finally {
      readings.delete(heard)
    }
  }

  return { blocks, hear, catchUp }
}

/** By their ends. */
function createIndex(redis: RedisConnection, kind: string) {
  const key = `tenantry:blocks:${kind}`
  return {
    add: (message: Message, now: number) =>
      redis.run((client) =>
        client.multi().zremrangebyscore(key, '-inf', now).zadd(key, message.until, JSON.stringify(message)).exec(),
      ),
    /** With what led to it: else it would be listed without being there, or the other way round. */
    remove: (message: Message, keys: string[]) =>
      redis.run((client) =>
        client
          .multi()
          .zrem(key, JSON.stringify(message))
          .del(...keys)
          .exec(),
      ),
    list: async (now: number): Promise<Message[]> => {
      const members = await redis.run((client) => client.zrangebyscore(key, now, '+inf'))
      return members.map((member) => JSON.parse(member))
    },
  }
}

function valuesOf(rules: typeof blockRules): number[] {
  const { failures, withinSeconds, firstBlockSeconds, longestBlockSeconds, forgivenAfterSeconds } = rules
  const seconds = [withinSeconds, firstBlockSeconds, longestBlockSeconds, forgivenAfterSeconds]
  return [failures, ...seconds.map((each) => each * 1000)]
}
