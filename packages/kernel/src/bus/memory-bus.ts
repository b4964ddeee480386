import { EventEmitter } from 'node:events'
import type { Bus } from './bus.ts'

/** Serves an installation of one process. */
export function createMemoryBus(): Bus {
  const channels = new EventEmitter().setMaxListeners(0)
  return {
    publish: async (channel, message) => {
      channels.emit(channel, message)
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
