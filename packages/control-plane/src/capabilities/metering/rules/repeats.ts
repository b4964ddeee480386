import type { UsageItem } from './batch.ts'

/** That an item has the key of an earlier one of its tenant. */
export interface Repeat {
  /** Where that stands. */
  first: number
  period: string
  occurredAt: Date
  /** Whether both say the same. What a gauge is set to counts by its difference, which is another. */
  isSame: boolean
}

/** Of each item that has the key of another of the batch, which it repeats; null of the others. */
export function repeatsOf(items: readonly UsageItem[]): (Repeat | null)[] {
  const known = new Map<string, number>()
  return items.map((item, index) => {
    if (item.key === null) return null
    const name = `${item.tenantId} ${item.key}`
    const place = known.get(name)
    if (place === undefined) {
      known.set(name, index)
      return null
    }
    const first = items[place] as UsageItem
    const isSame = item.meter === first.meter && (item.mode === 'set' || item.amount === first.amount)
    return { first: place, period: first.period, occurredAt: first.occurredAt, isSame }
  })
}
