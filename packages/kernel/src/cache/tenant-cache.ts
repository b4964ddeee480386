import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { type Clock, systemClock } from '../context/clock.ts'
import type { TenantCache } from '../context/dependencies.ts'

export interface TenantCacheOptions {
  clock?: Clock
  maxItems: number
  onHit?(name: string): void
  /** Also counts calls that joined a running load. */
  onMiss?(name: string): void
}

interface Entry {
  value: unknown
  /** Milliseconds since the epoch. */
  expiresAt: number
}

interface Flight {
  answer: Promise<{ value: unknown; hit: boolean }>
  /** The tenant changed since: what this flight brings is for those who asked before. */
  overtaken: boolean
}

/**
 * Keeps what services ask often, under `tenant:{name}:{tenantId}`. For data about tenants only, never about people,
 * whose erasure must leave nothing behind. Callers share one value: treat it as immutable.
 */
export function createTenantCache({ clock = systemClock, maxItems, onHit, onMiss }: TenantCacheOptions): TenantCache {
  const memory = memoryDriver({ maxItems, serialize: false })
  const bento = new BentoCache({ default: 'tenants', stores: { tenants: bentostore().useL1Layer(memory) } })
  const flights = new Map<string, Flight>()
  const inTurn = createTurns()

  async function find(key: string): Promise<Entry | null> {
    const entry = await bento.get<Entry>({ key })
    return entry && clock.now().getTime() < entry.expiresAt ? entry : null
  }

  async function store(key: string, entry: Entry): Promise<void> {
    const ttl = entry.expiresAt - clock.now().getTime()
    if (ttl > 0) await bento.set({ key, value: entry, ttl })
  }

  async function fly(key: string, flight: Flight, ttlSeconds: number, load: () => Promise<unknown>) {
    const entry = await find(key)
    if (entry) return { value: entry.value, hit: true }
    const value = await load()
    const expiresAt = clock.now().getTime() + ttlSeconds * 1000
    await inTurn(key, async () => {
      if (!flight.overtaken) await store(key, { value, expiresAt })
    })
    return { value, hit: false }
  }

  function takeOff(key: string, ttlSeconds: number, load: () => Promise<unknown>): Flight {
    const flight = { overtaken: false } as Flight // `answer` follows at once; it needs the flight itself.
    flight.answer = fly(key, flight, ttlSeconds, load).finally(() => {
      if (flights.get(key) === flight) flights.delete(key)
    })
    flights.set(key, flight)
    return flight
  }

  function overtake(key: string): void {
    const flight = flights.get(key)
    if (!flight) return
    flight.overtaken = true
    flights.delete(key)
  }

  return {
    async getOrLoad<Value>(tenantId: string, name: string, ttlSeconds: number, load: () => Promise<Value>) {
      const key = keyOf(tenantId, name)
      const { value, hit } = await (flights.get(key) ?? takeOff(key, ttlSeconds, load)).answer
      if (hit) onHit?.(name)
      else onMiss?.(name)
      return value as Value
    },

    async invalidate(tenantId, name) {
      const key = keyOf(tenantId, name)
      overtake(key)
      await inTurn(key, () => bento.delete({ key }))
    },

    async update<Value>(tenantId: string, name: string, change: (value: Value) => Value) {
      const key = keyOf(tenantId, name)
      // A running load may or may not have seen what changed; applying the change to it could count it twice.
      overtake(key)
      await inTurn(key, async () => {
        const entry = await find(key)
        if (entry) await store(key, { value: change(entry.value as Value), expiresAt: entry.expiresAt })
      })
    },
  }
}

function keyOf(tenantId: string, name: string): string {
  return `tenant:${name}:${tenantId}`
}

/** Runs the writes of one key one after another; a failed one does not hold up the next. */
function createTurns() {
  const last = new Map<string, Promise<unknown>>()
  return function inTurn<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const turn = (last.get(key) ?? Promise.resolve()).then(work, work)
    const leave = () => {
      if (last.get(key) === turn) last.delete(key)
    }
    last.set(key, turn)
    turn.then(leave, leave)
    return turn
  }
}
