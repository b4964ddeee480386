import type { Logger } from 'pino'
import type { RedisConnection } from '../redis/connection.ts'
import type { Bus } from './bus.ts'
import { createMemoryBus } from './memory-bus.ts'

interface Envelope {
  sender: string
  channel: string
  message: unknown
}

/** Serves all processes that share a Redis. While that is gone, messages reach this process only. */
export function createRedisBus(redis: RedisConnection, logger: Logger): Bus {
  const here = createMemoryBus(logger)
  const stopListening = redis.onMessage('bus', (text) => {
    const { sender, channel, message } = JSON.parse(text) as Envelope
    // What this process published has been heard here already.
    if (sender !== redis.processId) void here.publish(channel, message)
  })

  return {
    async publish(channel, message) {
      await here.publish(channel, message)
      const envelope: Envelope = { sender: redis.processId, channel, message }
      // Whoever misses it hears of that by `onRecovered`.
      await redis.run((client) => client.publish(redis.channel('bus'), JSON.stringify(envelope))).catch(() => undefined)
    },
    subscribe: here.subscribe,
    onRecovered: redis.onRecovered,
    async close() {
      stopListening()
      await here.close()
    },
  }
}
