import { AsyncLocalStorage } from 'node:async_hooks'

interface Held {
  pool: object
  open: boolean
  outer: Held | undefined
}

const held = new AsyncLocalStorage<Held>()

/**
 * For tests: whoever waits for a second connection of a pool while keeping one makes everybody wait, once enough do it
 * at the same time. Throws for it.
 */
export async function holdOne<Result>(pool: object, work: () => Promise<Result>): Promise<Result> {
  const outer = held.getStore()
  for (let each = outer; each; each = each.outer) {
    if (each.open && each.pool === pool) throw new Error('A unit of work is open already on this pool of connections')
  }
  const own = { pool, open: true, outer }
  try {
    return await held.run(own, work)
  } finally {
    own.open = false
  }
}
