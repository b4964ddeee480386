import type { EntityManager } from '@mikro-orm/postgresql'
import {
  type AccountGiven,
  type CounterValue,
  outcomes,
  overOf,
  type UsageItem,
  UsageReservation,
  type WriteOutcome,
} from '../metering/index.ts'

/** What one meter may have waiting at the most: all of it is summed up whenever something is counted. */
const mostHeld = 1_000

export interface Reserved {
  outcome: WriteOutcome | 'too_many' | 'already_settled'
  id: string | null
  expiresAt: Date | null
  used: number
  held: number
  /** When the first of that expires, where it stands in the way. */
  heldUntil: Date | null
  /** Null is unlimited. */
  limit: number | null
  hardLimit: number | null
  /** Tenants with alerts that nobody was told of yet. */
  alerted: string[]
}

/** `item` says what is reserved, and where its use will count. */
export async function reserve(
  { database, now, catalogueRevision, patient }: AccountGiven,
  { item, periodEndsAt, expiresAt }: { item: UsageItem; periodEndsAt: Date | null; expiresAt: Date },
): Promise<Reserved> {
  const values = [
    ...[now.toISOString(), String(catalogueRevision), String(mostHeld)],
    ...[item.tenantId, item.id, item.key ?? '', item.meter, item.period, item.span, periodEndsAt?.toISOString() ?? ''],
    ...[item.day, String(item.amount), expiresAt.toISOString(), item.properties ?? ''],
  ]
  const [row] = await database.writeSigned<Record<string, string | number | Date | null>>(
    `select * from metering.reserve($1, ${patient}, ${placesOf(values)})`,
    values,
  )
  if (!row) throw new Error('The reserving function answered nothing')
  return {
    outcome: reserveOutcomes.get(row.outcome) ?? outcomeOf(row.outcome),
    id: row.reservation as string | null,
    expiresAt: row.expires_at === null ? null : new Date(row.expires_at as string),
    used: Number(row.used),
    held: Number(row.held),
    heldUntil: row.held_until === null ? null : new Date(Number(row.held_until) * 1_000),
    limit: amountOf(row.included),
    hardLimit: amountOf(row.hard),
    alerted: row.alerted === null ? [] : [String(row.alerted)],
  }
}

const settledOtherwise = 11
const notFound = 12
const tooMany = 13

const reserveOutcomes = new Map<unknown, 'too_many' | 'already_settled'>([
  [tooMany, 'too_many'],
  [settledOtherwise, 'already_settled'],
])

export const findReservation = (em: EntityManager, id: string): Promise<UsageReservation | null> =>
  em.findOne(UsageReservation, { id })

export interface Settled {
  outcome: WriteOutcome
  settledAs: 'committed' | 'released'
  reserved: number
  /** Null where it was released. */
  committed: number | null
  meter: string
  reservedAt: Date
  used: number
  held: number
  limit: number | null
  hardLimit: number | null
  counters: CounterValue[]
  alerted: string[]
}

/** `amount` is what was used, `all` of it, or null to give it back. `eventId` is the event's that counts it. */
export async function settle(
  { database, now, catalogueRevision, patient }: AccountGiven,
  wanted: { tenantId: string; reservationId: string; eventId: string; amount: number | 'all' | null },
): Promise<Settled | 'not_found' | 'settled_otherwise' | 'unresolved'> {
  const values = [
    ...[now.toISOString(), String(catalogueRevision), wanted.tenantId, wanted.reservationId, wanted.eventId],
    wanted.amount === null ? '' : String(wanted.amount),
  ]
  const [row] = await database.writeSigned<Record<string, string | number | null>>(
    `select * from metering.settle($1, ${patient}, ${placesOf(values)})`,
    values,
  )
  if (!row) throw new Error('The settling function answered nothing')
  if (row.outcome === notFound) return 'not_found'
  if (row.outcome === settledOtherwise) return 'settled_otherwise'
  const outcome = outcomeOf(row.outcome)
  return outcome === 'unresolved' ? outcome : settledOf(outcome, row)
}

function settledOf(outcome: WriteOutcome, row: Record<string, string | number | null>): Settled {
  const counted = outcome === 'counted' && Number(row.committed) > 0
  const used = Number(row.used) + (counted ? Number(row.committed) : 0)
  const over = row.overs === null ? { overSince: null, overSpan: null } : overOf(String(row.overs))[1]
  const value = { meter: String(row.meter), period: String(row.period), used, ...over }
  return {
    outcome,
    settledAs: row.state as Settled['settledAs'],
    reserved: Number(row.reserved),
    committed: amountOf(row.committed),
    meter: value.meter,
    reservedAt: new Date(row.reserved_at as string),
    used,
    held: Number(row.held),
    limit: amountOf(row.included),
    hardLimit: amountOf(row.hard),
    counters: counted ? [{ ...value, revision: Number(row.revisions) + 1 }] : [],
    alerted: row.alerted === null ? [] : [String(row.alerted)],
  }
}

const placesOf = (values: readonly string[]) => values.map((_, index) => `$${index + 2}`).join(', ')
const outcomeOf = (number: unknown) => outcomes[Number(number)] as WriteOutcome
const amountOf = (value: unknown) => (value === null || value === '' ? null : Number(value))
