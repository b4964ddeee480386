import { EventEmitter } from 'node:events'
import type { Logger } from 'pino'
import type { Bus } from './bus.ts'

/** Serves an installation of one process. */
export function createMemoryBus(logger: Logger): Bus {
  const channels = new EventEmitter().setMaxListeners(0)
  return {
    publish: async (channel, message) => {
      for (const listener of channels.listeners(channel)) {
        try {
          listener(message)
        } catch (error) {
          logger.error({ err: error, channel }, 'a listener of the bus failed')
        }
      }
    },
    subscribe: (channel, listener) => {
      channels.on(channel, listener)
      return () => channels.off(channel, listener)
    },
    onRecovered: () => () => undefined,
    close: async () => {
      channels.removeAllListeners()
    },
  }
}
