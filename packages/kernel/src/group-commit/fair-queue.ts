/** Keeps what waits by tenant, and hands out a fair share of each. */
export interface FairQueue<Item> {
  readonly size: number
  /** How many of the tenant wait. */
  sizeOf(tenantId: string): number
  add(tenantId: string, item: Item): void
  /** Of every tenant in turn, its oldest first. */
  take(most: number): Item[]
}

export function createFairQueue<Item>(): FairQueue<Item> {
  const tenants = new Map<string, Item[]>()
  let size = 0

  function takeOf(tenantId: string, most: number): Item[] {
    const waiting = tenants.get(tenantId) ?? []
    const taken = waiting.splice(0, most)
    size -= taken.length
    // Whoever was served goes to the end of the line.
    tenants.delete(tenantId)
    if (waiting.length > 0) tenants.set(tenantId, waiting)
    return taken
  }

  return {
    get size() {
      return size
    },
    sizeOf: (tenantId) => tenants.get(tenantId)?.length ?? 0,
    add: (tenantId, item) => {
      const waiting = tenants.get(tenantId)
      if (waiting) waiting.push(item)
      else tenants.set(tenantId, [item])
      size += 1
    },
    take: (most) => {
      const taken: Item[] = []
      while (taken.length < most && tenants.size > 0) {
        const share = Math.max(1, Math.floor((most - taken.length) / tenants.size))
        for (const tenantId of [...tenants.keys()]) {
          if (taken.length >= most) break
          taken.push(...takeOf(tenantId, Math.min(share, most - taken.length)))
        }
      }
      return taken
    },
  }
}
