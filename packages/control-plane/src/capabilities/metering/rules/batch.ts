/**
 * How an amount counts: `track` whatever the limit, `consume` up to it, `set` as what a gauge stands at now, `void` as
 * `track` does, but never later than it is answered.
 */
export type UsageMode = 'track' | 'consume' | 'set' | 'void'

/** One thing that was used, or is about to be. */
export interface UsageItem {
  tenantId: string
  meter: string
  /** The period that it counts in. */
  period: string
  /** In which grace is given once: the period itself, and for what has none the month. */
  span: string
  /** What belongs to a period that has ended raises no alert. */
  isCurrent: boolean
  id: string
  /** Of the caller; an item without one counts whenever it comes. */
  key: string | null
  amount: number
  mode: UsageMode
  /** Of what a gauge is set to: the newest wins. */
  sequence: number | null
  /** Local date, `2026-11-21`. */
  day: string
  occurredAt: Date
  /** JSON. */
  properties: string | null
}

export interface Batch {
  /** Distinct tenants, meters and periods, in the order of their first item. */
  targets: UsageItem[]
  /** Of each item, its target, from 1. */
  places: number[]
}

/** What the items of a batch count in. */
export function batchOf(items: readonly UsageItem[]): Batch {
  const known = new Map<string, number>()
  const targets: UsageItem[] = []
  const places = items.map((item) => {
    const name = `${item.tenantId} ${item.meter} ${item.period}`
    const place = known.get(name)
    if (place !== undefined) return place
    targets.push(item)
    known.set(name, targets.length)
    return targets.length
  })
  return { targets, places }
}

/** An array of PostgreSQL as text. Values that need no quotes: numbers, UUIDs, dates, and what is null. */
export const plainArray = (values: readonly (string | number | boolean | null)[]): string =>
  `{${values.map((value) => value ?? 'NULL').join(',')}}`

/** The same for any text. */
export const textArray = (values: readonly (string | null)[]): string =>
  `{${values.map((value) => (value === null ? 'NULL' : `"${value.replace(/["\\]/g, '\\$&')}"`)).join(',')}}`
