import type { Database } from '@tenantry/kernel/context/dependencies'
import { batchOf, plainArray, textArray, type UsageItem } from '../rules/batch.ts'
import { type Repeat, repeatsOf } from '../rules/repeats.ts'

/** What `metering.write` says of an item, by its number there. */
export const outcomes = [
  'over_limit',
  'counted',
  'duplicate',
  'conflict',
  'busy',
  'unresolved',
  'unknown_tenant',
  'below_zero',
  'uncountable',
  'outdated',
  'counted',
] as const

const countedBefore = outcomes.length - 1

/** Of what has the key of an earlier item of its batch, where nothing was stored with it before: as that was. */
const asTheFirst = 20

const undecided = new Set<WriteOutcome>(['busy', 'unresolved', 'unknown_tenant'])

/** Or that it will be kept later. */
export type WriteOutcome = (typeof outcomes)[number] | 'deferred'

export interface WrittenItem {
  outcome: WriteOutcome
  /** What the meter stands at after this item, in its period. */
  used: number
  /** Null is unlimited. */
  limit: number | null
  hardLimit: number | null
  /** What is reserved besides, in the period of the item. */
  held: number
  /** When the first of that expires; null where nothing is held. */
  heldUntil: Date | null
  /** Of a duplicate: where and when the first counted. */
  first: { period: string; occurredAt: Date } | null
}

export interface CounterValue {
  meter: string
  period: string
  used: number
  /** ISO 8601: since when it has been above what is included; null where it never was. */
  overSince: string | null
  /** The span in which that was. */
  overSpan: string | null
  /** Rises with every change, so that an older value never replaces a newer one. */
  revision: number
  /** Of slots that are not many: when the lease of each ends that is held (ISO 8601). What has ended is used no more. */
  ends?: readonly string[]
}

export interface WrittenBatch {
  items: WrittenItem[]
  /** What has changed, by tenant. */
  counters: Map<string, CounterValue[]>
  /** Tenants of which something was counted by an earlier try, so that caches may have missed it. */
  unsure: string[]
  /** Tenants with alerts that nobody was told of yet. */
  alerted: string[]
}

type Target = Pick<UsageItem, 'tenantId' | 'meter' | 'period'>

interface CountedItem extends Pick<UsageItem, 'amount' | 'mode'> {
  /** Of its target, from 1. */
  place: number
  repeat?: Repeat | null
}

export interface WriteOptions {
  now: Date
  /** Of the catalogue that limits must be made of. */
  catalogueRevision: number
  /** Whether it waits for accounts that others hold. */
  patient: boolean
  /** Whether an earlier try may have been counted. */
  repeated: boolean
}

export interface WrittenRow {
  outcomes: string
  /** Of the duplicates; null where there is none. */
  firsts: string | null
  alerted: string | null
  overs: string | null
  used: string
  revisions: string
  included: string
  hard: string
  held: string
  /** Null where nothing is held. */
  held_ends: string | null
}

/** Counts all items in one call; each is answered for itself. */
export async function writeBatch(
  database: Pick<Database, 'writeSigned'>,
  items: readonly UsageItem[],
  { now, catalogueRevision, patient, repeated }: WriteOptions,
): Promise<WrittenBatch> {
  const repeats = repeatsOf(items)
  const { targets, places } = batchOf(items)
  const values = [
    now.toISOString(),
    String(catalogueRevision),
    plainArray(targets.map(({ tenantId }) => tenantId)),
    textArray(targets.map(({ meter }) => meter)),
    textArray(targets.map(({ period }) => period)),
    textArray(targets.map(({ span }) => span)),
    plainArray(targets.map(({ isCurrent }) => isCurrent)),
    plainArray(places),
    plainArray(items.map(({ id }) => id)),
    textArray(items.map(({ key }) => key)),
    plainArray(items.map(({ amount }) => amount)),
    plainArray(items.map(({ mode }, index) => (repeats[index] ? againOf(mode) : mode))),
    plainArray(items.map(({ sequence }) => sequence)),
    plainArray(items.map(({ day }) => day)),
    plainArray(items.map(({ occurredAt }) => occurredAt.toISOString())),
    textArray(items.map(({ properties }) => properties)),
  ]
  const given = values.map((_, index) => `$${index + 2}`).join(', ')
  const [row] = await database.writeSigned<WrittenRow>(
    `select * from metering.write($1, ${patient}, ${repeated}, ${given})`,
    values,
  )
  if (!row) throw new Error('The metering function answered nothing')
  const counted = items.map(({ amount, mode }, index) => ({
    amount,
    mode,
    place: places[index] as number,
    repeat: repeats[index] ?? null,
  }))
  return readBatch(targets, counted, row)
}

/** What `metering.count_events` says of targets, and of each item. */
export function readBatch(targets: readonly Target[], counted: readonly CountedItem[], row: WrittenRow): WrittenBatch {
  const [used, revisions] = [split(row.used).map(Number), split(row.revisions).map(Number)]
  const [limits, hardLimits] = [split(row.included).map(amountOf), split(row.hard).map(amountOf)]
  const [held, ends] = [split(row.held).map(Number), row.held_ends === null ? [] : split(row.held_ends)]
  const firsts = new Map(row.firsts === null ? [] : split(row.firsts).map(firstOf))
  const changed = new Set<number>()
  const unsure = new Set<string>()
  const items: WrittenItem[] = []
  for (const [index, number] of split(row.outcomes).entries()) {
    const { amount, mode, place: ordinal, repeat } = counted[index] as CountedItem
    const place = ordinal - 1
    const outcome = outcomes[Number(number)] as WriteOutcome
    const first = firsts.get(index)
    if (Number(number) === countedBefore) unsure.add((targets[place] as Target).tenantId)
    else if (outcome === 'counted') {
      used[place] = mode === 'set' ? amount : (used[place] as number) + amount
      changed.add(place)
    }
    const told: WrittenItem = {
      outcome,
      used: first?.used ?? (used[place] as number),
      limit: limits[place] ?? null,
      hardLimit: hardLimits[place] ?? null,
      held: held[place] ?? 0,
      heldUntil: ends[place] ? timeOf(ends[place]) : null,
      first: first ? { period: first.period, occurredAt: first.occurredAt } : null,
    }
    items.push(repeat && Number(number) === asTheFirst ? toldAgain(told, repeat, items) : told)
  }
  const overs = new Map(row.overs === null ? [] : split(row.overs).map(overOf))
  const counters = new Map<string, CounterValue[]>()
  for (const place of changed) {
    const { tenantId, meter, period } = targets[place] as Target
    const revision = (revisions[place] as number) + 1
    const over = overs.get(place) ?? { overSince: null, overSpan: null }
    const value = { meter, period, used: used[place] as number, ...over, revision }
    counters.set(tenantId, [...(counters.get(tenantId) ?? []), value])
  }
  correctDuplicates(targets, counted, { items, used })
  return { items, counters, unsure: [...unsure], alerted: row.alerted === null ? [] : split(row.alerted) }
}

/** What has the key of another, of which nothing was stored before the batch. */
function toldAgain(
  told: WrittenItem,
  { first, period, occurredAt, isSame }: Repeat,
  earlier: readonly WrittenItem[],
): WrittenItem {
  const { outcome } = earlier[first] as WrittenItem
  if (undecided.has(outcome)) return { ...told, outcome }
  if (!isSame) return { ...told, outcome: 'conflict' }
  if (outcome !== 'counted') return { ...told, outcome }
  return { ...told, outcome: 'duplicate', first: { period, occurredAt } }
}

const againOf = (mode: UsageItem['mode']) => (mode === 'set' ? 'set_again' : 'again')

/** What the first counted in may have been written by the same batch. */
function correctDuplicates(
  targets: readonly Target[],
  counted: readonly CountedItem[],
  { items, used }: { items: WrittenItem[]; used: readonly number[] },
): void {
  for (const [index, item] of items.entries()) {
    const target = targets[(counted[index] as CountedItem).place - 1] as Target
    if (item.first === null || item.first.period === target.period) continue
    const place = targets.findIndex(
      ({ tenantId, meter, period }) =>
        tenantId === target.tenantId && meter === target.meter && period === item.first?.period,
    )
    if (place >= 0) item.used = used[place] as number
  }
}

/** `3:1763740800.123:-1:2026-11-01`: of the third item, when the first occurred and in which period, and what that period stands at if it is another. */
function firstOf(text: string): [number, { period: string; occurredAt: Date; used: number | null }] {
  const [number, seconds = '', used, period = ''] = text.split(/:(.*?):(.*?):(.*)/)
  return [Number(number) - 1, { period, occurredAt: timeOf(seconds), used: used === '-1' ? null : Number(used) }]
}

/** `3:1763740800.123:2026-11-01`: the third target, since when, in which span. */
export function overOf(text: string): [number, Pick<CounterValue, 'overSince' | 'overSpan'>] {
  const [place, seconds, overSpan = null] = text.split(/:(.*?):(.*)/)
  return [Number(place) - 1, { overSince: new Date(Number(seconds) * 1_000).toISOString(), overSpan }]
}

const timeOf = (seconds: string) => new Date(Number(seconds) * 1_000)
const split = (text: string) => text.split(',')
const amountOf = (text: string) => (text === '' ? null : Number(text))
