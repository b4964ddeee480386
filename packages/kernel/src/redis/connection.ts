import { createHash, randomUUID } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import type { Redis } from 'ioredis'
import type { Logger } from 'pino'
import { messageOf, openClient, within } from './client.ts'
import { createPulse, type Pulse } from './pulse.ts'

/** All are subscribed to from the start, so that being current speaks for each of them. */
const channelNames = ['bus', 'cache'] as const
export type ChannelName = (typeof channelNames)[number]

export interface RedisConnection {
  /** Names this process among those that share the Redis. */
  processId: string
  /** Commands are answered and messages arrive. */
  isUp(): boolean
  /** No message of another process is missing that is older than a second. */
  isCurrent(): boolean
  /** Throws `RedisUnavailable`: at once where Redis is known to be gone, else after a quarter of a second. */
  run<Result>(work: (client: Redis) => Promise<Result>): Promise<Result>
  /** A Lua script as a function; throws like `run`. */
  script(lua: string): (keys: string[], values: (string | number)[]) => Promise<unknown>
  /** The channel's name on the server, which installations that use its other databases do not hear. */
  channel(name: ChannelName): string
  /** What is published on the channel, by this process too. */
  onMessage(name: ChannelName, listener: (message: string) => void): () => void
  /** Messages may have been lost until now. */
  onRecovered(listener: () => void): () => void
  /** Commands are answered again. */
  onUp(listener: () => void): () => void
  /** What is tried once at the end, for a quarter of a second, though Redis seemed to be gone. */
  onClosing(work: (client: Redis) => Promise<unknown>): void
  close(): Promise<void>
}

export interface RedisOptions {
  /** `redis:` or `rediss:`; never logged. */
  url: string
  logger: Logger
  onError?(): void
  /** How long the answer may take while Redis cannot be reached yet. */
  startMilliseconds?: number
}

export class RedisUnavailable extends Error {}

const beatMilliseconds = 200
const answerMilliseconds = 250
/** A connection over which nothing came back for this long is opened anew. */
const patienceMilliseconds = 1_500

/** Opens what one process needs: a client for commands and one for messages. Redis need not be there. */
export async function openRedis(options: RedisOptions): Promise<RedisConnection> {
  const { url, logger, onError, startMilliseconds = 1_000 } = options
  const pulse = createPulse()
  const events = new EventEmitter().setMaxListeners(0)
  const report = createReport(logger)
  let closed = false
  const failed = (error: unknown) => {
    if (closed) return
    onError?.()
    pulse.failed()
    report.failed(error)
  }
  const client = openClient(url, failed)
  const subscriber = openClient(url, failed)
  const processId = randomUUID()
  const channel = (name: string) => `tenantry:${client.options.db ?? 0}:${name}`
  const beatChannel = channel(`beat:${processId}`)

  const heart = startHeart({ client, subscriber, pulse, beatChannel, failed })
  client.on('ready', heart.beat)
  subscriber.on('ready', () => {
    subscriber.subscribe(beatChannel, ...channelNames.map(channel)).then(heart.beat, failed)
  })
  for (const connection of [client, subscriber]) {
    connection.on('close', () => {
      pulse.lost()
      if (!closed) report.failed(new Error('the connection was closed'))
    })
  }
  subscriber.on('message', (from: string, message: string) => {
    try {
      if (from !== beatChannel) return void events.emit(from, message)
      const { recovered, up } = pulse.returned(Number(message))
      if (recovered) events.emit('recovered')
      if (up) events.emit('up')
      if (up) report.up()
    } catch (error) {
      logger.error({ err: error, channel: from }, 'a message could not be handled')
    }
  })

  const run = createRun({ client, pulse, failed })
  const listen = (event: string, listener: (message: string) => void) => {
    events.on(event, listener)
    return () => void events.off(event, listener)
  }
  const closing = createClosing(client)
  const started = AbortSignal.timeout(startMilliseconds)
  await once(events, 'up', { signal: started }).catch(() => report.failed(new Error('no answer at start')))
  return {
    processId,
    isUp: pulse.isUp,
    isCurrent: pulse.isCurrent,
    run,
    script: (lua) => createScript(lua, run),
    channel,
    onMessage: (name, listener) => listen(channel(name), listener),
    onRecovered: (listener) => listen('recovered', listener),
    onUp: (listener) => listen('up', listener),
    onClosing: closing.add,
    close: async () => {
      closed = true
      heart.stop()
      await closing.run()
      events.removeAllListeners()
      for (const connection of [client, subscriber]) connection.disconnect()
    },
  }
}

function createRun({ client, pulse, failed }: Pick<Heart, 'client' | 'pulse' | 'failed'>): RedisConnection['run'] {
  return async (work) => {
    if (!pulse.isUp()) throw new RedisUnavailable('Redis is unreachable')
    try {
      return await within(answerMilliseconds, work(client))
    } catch (error) {
      failed(error)
      throw new RedisUnavailable(messageOf(error))
    }
  }
}

function createClosing(client: Redis) {
  const works: ((client: Redis) => Promise<unknown>)[] = []
  return {
    add: (work: (client: Redis) => Promise<unknown>) => void works.push(work),
    run: () => within(answerMilliseconds, Promise.all(works.map((work) => work(client)))).catch(() => undefined),
  }
}

interface Heart {
  client: Redis
  subscriber: Redis
  pulse: Pulse
  beatChannel: string
  failed(error: unknown): void
}

function startHeart({ client, subscriber, pulse, beatChannel, failed }: Heart) {
  let beating = false
  let openedAt = performance.now()

  /** Writes, too: a Redis that only reads, or is full, is of no use. */
  async function beat(): Promise<void> {
    if (beating || client.status !== 'ready') return
    beating = true
    try {
      const sentAt = String(performance.now())
      const sent = client.multi().set(beatChannel, sentAt, 'PX', 10_000).publish(beatChannel, sentAt).exec()
      await within(answerMilliseconds, sent)
    } catch (error) {
      failed(error)
    }
    beating = false
  }

  function reopen(): void {
    const now = performance.now()
    if (now - Math.max(pulse.since(), openedAt) < patienceMilliseconds) return
    openedAt = now
    for (const connection of [client, subscriber]) {
      if (connection.status === 'ready' || connection.status === 'connect') connection.disconnect(true)
    }
  }

  const timer = setInterval(() => {
    reopen()
    void beat()
  }, beatMilliseconds)
  return { beat: () => void beat(), stop: () => clearInterval(timer) }
}

function createScript(lua: string, run: RedisConnection['run']): ReturnType<RedisConnection['script']> {
  const digest = createHash('sha1').update(lua).digest('hex')
  return (keys, values) =>
    run(async (client) => {
      try {
        return await client.evalsha(digest, keys.length, ...keys, ...values)
      } catch (error) {
        if (!messageOf(error).startsWith('NOSCRIPT')) throw error
        return client.eval(lua, keys.length, ...keys, ...values)
      }
    })
}

/** Says once that Redis is gone, why, and once that it is back. */
function createReport(logger: Logger) {
  let down = false
  return {
    failed: (error: unknown) => {
      if (down) return
      down = true
      // Only the message: the error of a refused log-in carries the password.
      logger.warn({ reason: messageOf(error) }, 'redis is unreachable; this process goes on by itself')
    },
    up: () => {
      if (down) logger.info('redis is back')
      down = false
    },
  }
}
