import { Redis } from 'ioredis'

/** A command fails rather than wait for a connection or be sent twice: to count twice is worse than not to count. */
export function openClient(url: string, onError: (error: unknown) => void): Redis {
  const client = new Redis(url, {
    connectTimeout: 250,
    // For what the client asks by itself when it connects; every other command is cut short before.
    commandTimeout: 500,
    disconnectTimeout: 100,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    // All processes are to be back within a second of each other.
    retryStrategy: (attempt) => Math.min(25 * 2 ** attempt, 250),
    // A primary that became a replica: its name leads to the new one.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    disableClientInfo: true,
  })
  client.on('error', onError)
  return client
}

/** Rejects after so many milliseconds without an answer. */
export async function within<Result>(milliseconds: number, work: Promise<Result>): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>()
  // Where this process itself was too busy, the answer waits in the socket, which is read before the immediate runs.
  const timer = setTimeout(() => setImmediate(reject, new Error(`no answer in ${milliseconds} ms`)), milliseconds)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
