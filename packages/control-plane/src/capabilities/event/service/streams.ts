import { setTimeout as delay } from 'node:timers/promises'
import type { Bus } from '@tenantry/kernel/bus/bus'
import { serviceErrors } from '@tenantry/kernel/contract/errors'
import { eventErrors } from '../contract.ts'

/** Says that a tenant has new events. */
export const doorbell = 'events'

export interface EventStreamOptions {
  bus: Bus
  /** How long a stream that hears nothing waits before it looks by itself, and whether it may still listen. */
  heartbeatMilliseconds: number
  /** Of one tenant in this process. */
  streamsPerTenant: number
  /** Called again and again while these tenants have streams: to wake those that may have to end. Never fails. */
  look(tenantIds: string[]): Promise<void>
}

/** The open streams of this process. */
export interface EventStreams {
  readonly heartbeatMilliseconds: number
  /** Throws `event.too_many_streams`. What it answers must be closed. */
  open(tenantId: string): EventStream
  /** Lets the streams of a tenant see at once whether they may still listen. */
  wake(tenantId: string): void
  wakeAll(): void
  /** Ends every stream, and lets no other begin: their callers connect again, elsewhere or later. */
  end(): void
}

export interface EventStream {
  /** Resolves when the bell rang since the last call, after a heartbeat, or when `signal` is aborted. */
  wait(signal: AbortSignal): Promise<void>
  /** One reading for all streams of the tenant that ask for the same since the bell last rang. */
  shared<Value>(key: number, read: () => Promise<Value>): Promise<Value>
  close(): void
}

interface Room {
  streams: Set<() => void>
  readings: Map<number, Promise<unknown>>
}

declare module '@tenantry/kernel/context/dependencies' {
  interface Services {
    eventStreams: EventStreams
  }
}

/** Twice in the second within which a stream must have ended, whatever the bus has lost. */
const lookMilliseconds = 400

export function createEventStreams(options: EventStreamOptions): EventStreams {
  const { bus, heartbeatMilliseconds, streamsPerTenant, look } = options
  const rooms = new Map<string, Room>()
  let ended = false

  function ring(room: Room | undefined): void {
    room?.readings.clear()
    for (const wake of room?.streams ?? []) wake()
  }
  const ringAll = () => {
    for (const room of rooms.values()) ring(room)
  }
  bus.subscribe(doorbell, (message) => ring(rooms.get((message as { tenantId: string }).tenantId)))
  bus.onRecovered(ringAll)

  let looking = false
  async function keepLooking(): Promise<void> {
    if (looking) return
    looking = true
    while (rooms.size > 0 && !ended) {
      await delay(lookMilliseconds, undefined, { ref: false })
      if (rooms.size > 0) await look([...rooms.keys()])
    }
    looking = false
  }

  return {
    heartbeatMilliseconds,
    open: (tenantId) => {
      if (ended) throw stopping()
      const room = rooms.get(tenantId) ?? { streams: new Set(), readings: new Map() }
      if (room.streams.size >= streamsPerTenant) throw eventErrors.too_many_streams({ limit: streamsPerTenant })
      rooms.set(tenantId, room)
      void keepLooking()
      return openStream(room, {
        heartbeatMilliseconds,
        hasEnded: () => ended,
        left: () => {
          if (room.streams.size === 0) rooms.delete(tenantId)
        },
      })
    },
    wake: (tenantId) => ring(rooms.get(tenantId)),
    wakeAll: ringAll,
    end: () => {
      ended = true
      ringAll()
    },
  }
}

const stopping = () => serviceErrors.overloaded({ retryAfterSeconds: 1 }, 'This process stops. Connect again.')

interface StreamSurroundings {
  heartbeatMilliseconds: number
  hasEnded(): boolean
  left(): void
}

function openStream(room: Room, { heartbeatMilliseconds, hasEnded, left }: StreamSurroundings): EventStream {
  let rung = false
  let wakeUp = (): void => undefined
  const bell = () => {
    rung = true
    wakeUp()
  }
  room.streams.add(bell)
  return {
    wait: async (signal) => {
      if (!rung && !signal.aborted && !hasEnded()) await nap(heartbeatMilliseconds, signal, (wake) => (wakeUp = wake))
      rung = false
      if (hasEnded()) throw stopping()
    },
    shared: <Value>(key: number, read: () => Promise<Value>) => {
      const known = room.readings.get(key) as Promise<Value> | undefined
      if (known !== undefined) return known
      const reading = read()
      const forget = () => {
        if (room.readings.get(key) === reading) room.readings.delete(key)
      }
      room.readings.set(key, reading)
      reading.then(forget, forget)
      return reading
    },
    close: () => {
      room.streams.delete(bell)
      left()
    },
  }
}

function nap(milliseconds: number, signal: AbortSignal, wakeBy: (wake: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', wake)
      resolve()
    }
    const timer = setTimeout(wake, milliseconds)
    signal.addEventListener('abort', wake)
    wakeBy(wake)
  })
}
