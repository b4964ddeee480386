import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'

/** What this process keeps in its memory. Writes to one key happen one after another. */
export interface OwnEntries {
  find(key: string): Promise<Entry | null>
  /** Stores the entry if it is still wanted when its turn comes. */
  store(key: string, entry: Entry, isWanted: () => boolean): Promise<void>
  /** Replaces the value, if there is one, and leaves it the time it has left. */
  change(key: string, change: (value: unknown) => unknown): Promise<void>
  remove(key: string): Promise<void>
  removeAll(): void
}

export interface Entry {
  value: unknown
  /** It holds what was true then, in milliseconds since the epoch. */
  trueAt: number
  expiresAt: number
}

export interface OwnEntriesOptions {
  now(): number
  maxItems: number
  /** False while nobody can tell this process that an entry is no longer true. */
  isWatched(): boolean
}

/** How old an entry may be that nobody watches. */
const unwatchedMilliseconds = 900

export function createOwnEntries({ now, maxItems, isWatched }: OwnEntriesOptions): OwnEntries {
  const memory = memoryDriver({ maxItems, serialize: false })
  const bento = new BentoCache({ default: 'tenants', stores: { tenants: bentostore().useL1Layer(memory) } })
  const inTurn = createTurns()
  let era = 0

  async function find(key: string): Promise<(Entry & { era: number }) | null> {
    const entry = await bento.get<Entry & { era: number }>({ key })
    if (!entry || entry.era !== era || now() >= entry.expiresAt) return null
    return isWatched() || now() < entry.trueAt + unwatchedMilliseconds ? entry : null
  }

  async function put(key: string, entry: Entry & { era: number }): Promise<void> {
    const ttl = entry.expiresAt - now()
    if (ttl > 0) await bento.set({ key, value: entry, ttl })
  }

  return {
    find,
    store: (key, entry, isWanted) =>
      inTurn(key, async () => {
        if (isWanted()) await put(key, { ...entry, era })
      }),
    change: (key, change) =>
      inTurn(key, async () => {
        const entry = await find(key)
        if (entry) await put(key, { ...entry, value: change(entry.value) })
      }),
    remove: (key) =>
      inTurn(key, async () => {
        await bento.delete({ key })
      }),
    removeAll: () => {
      era += 1
    },
  }
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
