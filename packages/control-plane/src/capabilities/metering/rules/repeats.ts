import type { UsageItem } from './batch.ts'

export interface Distinct {
  /** No two of a tenant with the same key. */
  distinct: UsageItem[]
  /** Of each item given, the place of the one that has its key. */
  places: number[]
}

/** Leaves of those that have the same key the first. */
export function distinctOf(items: readonly UsageItem[]): Distinct {
  const known = new Map<string, number>()
  const distinct: UsageItem[] = []
  const places = items.map((item) => {
    const name = item.key === null ? item.id : `${item.tenantId} ${item.key}`
    const place = known.get(name)
    if (place !== undefined) return place
    known.set(name, distinct.length)
    return distinct.push(item) - 1
  })
  return { distinct, places }
}

/** Whether an item that has the key of another says the same. */
export const saysTheSame = (item: UsageItem, first: UsageItem): boolean =>
  item.meter === first.meter && (item.mode === 'set' || item.amount === first.amount)
