import { type Clock, systemClock } from '../context/clock.ts'
import type { TenantCache } from '../context/dependencies.ts'
import { createFlights, type Landing } from './flights.ts'
import { createOwnEntries } from './own-entries.ts'
import type { SharedEntries } from './shared-entries.ts'

export interface TenantCacheOptions {
  clock?: Clock
  maxItems: number
  /** What the other processes keep and change; without it, there is no other. */
  shared?: SharedEntries
  onHit?(name: string): void
  /** Also counts calls that joined a running load. */
  onMiss?(name: string): void
}

/**
 * Keeps what services ask often, under `tenant:{name}:{tenantId}`. For data about tenants only, never about people,
 * whose erasure must leave nothing behind. Callers share one value: treat it as immutable.
 */
export function createTenantCache(options: TenantCacheOptions): TenantCache {
  const { clock = systemClock, maxItems, shared, onHit, onMiss } = options
  const now = () => clock.now().getTime()
  const own = createOwnEntries({ now, maxItems, isWatched: shared?.isCurrent ?? (() => true) })
  const flights = createFlights()

  async function fly(key: string, milliseconds: number, load: () => Promise<unknown>, isOvertaken: () => boolean) {
    const entry = await own.find(key)
    if (entry && now() < entry.trueAt + milliseconds) return { ...entry, hit: true }
    const startedAt = now()
    const land = async (value: unknown, trueAt: number, left: number, hit: boolean): Promise<Landing> => {
      await own.store(key, { value, trueAt, expiresAt: now() + left }, () => !isOvertaken())
      return { value, trueAt, hit }
    }

    const place = shared ? await shared.find(key) : null
    const found = place?.found
    // Another process may be content with what is older; clocks that differ must not make it younger than it is.
    if (found && startedAt < found.trueAt + milliseconds)
      return land(found.value, Math.min(found.trueAt, startedAt), found.milliseconds, true)
    const landing = await land(await load(), startedAt, milliseconds, false)
    if (place && !isOvertaken())
      void shared?.store(key, place.ticket, { value: landing.value, trueAt: startedAt, milliseconds })
    return landing
  }

  function forget(key: string): Promise<void> {
    flights.overtake(key)
    return own.remove(key)
  }

  shared?.invalidations.onReceived((key) => {
    if (key !== null) return void forget(key)
    own.removeAll()
    flights.overtakeAll()
  })

  return {
    async getOrLoad<Value>(tenantId: string, name: string, ttlSeconds: number, load: () => Promise<Value>) {
      const key = keyOf(tenantId, name)
      const milliseconds = ttlSeconds * 1000
      const oldest = now() - milliseconds
      const board = () => flights.board(key, (isOvertaken) => fly(key, milliseconds, load, isOvertaken))
      let landing = await board()
      // It was the flight of a reader that is content with an older entry.
      while (landing.trueAt <= oldest) landing = await board()
      const { value, hit } = landing
      if (hit) onHit?.(name)
      else onMiss?.(name)
      return value as Value
    },

    async invalidate(tenantId, name) {
      const key = keyOf(tenantId, name)
      // First where all processes look: a read in between would bring the old value back here.
      await shared?.invalidations.send(key)
      await forget(key)
    },

    async update<Value>(tenantId: string, name: string, change: (value: Value) => Value) {
      const key = keyOf(tenantId, name)
      await shared?.invalidations.send(key)
      // A running load may or may not have seen what changed; applying the change to it could count it twice.
      flights.overtake(key)
      await own.change(key, (value) => change(value as Value))
    },
  }
}

function keyOf(tenantId: string, name: string): string {
  return `tenant:${name}:${tenantId}`
}
