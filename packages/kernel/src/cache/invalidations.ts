import type { Redis } from 'ioredis'
import type { RedisConnection } from '../redis/connection.ts'

/** The word of the processes to each other that an entry is no longer true. Nothing throws. */
export interface Invalidations {
  /**
   * Also removes what Redis keeps under the key. Where Redis is gone, it is made good as soon as that is back, and tried
   * once more when the connection is closed.
   */
  send(key: string): Promise<void>
  /** Another process has sent it, or a key may have been missed: then it is null, and means all of them. */
  onReceived(listener: (key: string | null) => void): void
}

interface Message {
  sender: string
  key: string | null
}

/** More than this are made good by one of everything. */
const mostUnsent = 100

export function createInvalidations(redis: RedisConnection, storedAt: (key: string) => string): Invalidations {
  const listeners = new Set<(key: string | null) => void>()
  const unsent = new Set<string | null>()
  const tell = (key: string | null) => {
    for (const listener of listeners) listener(key)
  }

  function publish(client: Redis, key: string | null): Promise<unknown> {
    const message: Message = { sender: redis.processId, key }
    const commands = client.multi().publish(redis.channel('cache'), JSON.stringify(message))
    return (key === null ? commands : commands.del(storedAt(key))).exec()
  }

  async function send(key: string | null): Promise<void> {
    try {
      await redis.run((client) => publish(client, key))
    } catch {
      unsent.add(key)
      if (unsent.size <= mostUnsent) return
      unsent.clear()
      unsent.add(null)
    }
  }

  redis.onUp(() => {
    const keys = [...unsent]
    unsent.clear()
    if (keys.includes(null)) tell(null)
    for (const key of keys) void send(key)
  })
  redis.onRecovered(() => tell(null))
  redis.onClosing((client) => Promise.all([...unsent].map((key) => publish(client, key))))
  redis.onMessage('cache', (text) => {
    const { sender, key } = JSON.parse(text) as Message
    if (sender !== redis.processId) tell(key)
  })

  return {
    send,
    onReceived: (listener) => {
      listeners.add(listener)
    },
  }
}
