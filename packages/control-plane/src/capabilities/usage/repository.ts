import type { EntityManager } from '@mikro-orm/postgresql'
import { newId } from '@tenantry/kernel/tenancy/id'
import { tenantQuery } from '@tenantry/kernel/tenancy/tenant-query'
import { overrideJson, overrideSource, overridesJson, type StoredOverride } from '../limit/index.ts'
import { memberSource } from '../member/index.ts'
import { roleSource } from '../role/index.ts'
import { teamSource } from '../team/index.ts'
import { usageErrors } from './contract.ts'
import { UsageCounter, UsageEvent } from './entity.ts'

export interface CounterValue {
  meter: string
  period: string
  used: number
  /** Rises with every change, so that an older value never replaces a newer one. */
  revision: number
}

export interface UsageNow {
  counters: CounterValue[]
  /** What the meters `users` and `admins` count. */
  seats: { users: number; admins: number }
  /** Rows of ours that other meters count, by what they are. */
  owned: { roles: number; teams: number }
  overrides: StoredOverride[]
}

/** One row per meter, whatever the number of events. Takes meters, and as many periods. */
export const usageNow = tenantQuery<UsageNow>(
  { counter: UsageCounter, ...overrideSource, ...memberSource, ...roleSource, ...teamSource },
  /* sql */ `select
    (select coalesce(json_agg(json_build_object('meter', meter, 'period', period, 'used', used, 'revision', revision)), '[]')
       from counter where (meter, period) in (select * from unnest($2::text[], $3::text[]))) as counters,
    (select json_build_object('users', count(*), 'admins', count(*) filter (where role in ('owner', 'admin')))
       from membership) as seats,
    json_build_object('roles', (select count(*) from role), 'teams', (select count(*) from team)) as owned,
    ${overridesJson}`,
)

export async function hasEvent(em: EntityManager, idempotencyKey: string): Promise<boolean> {
  return (await em.count(UsageEvent, { idempotencyKey })) > 0
}

export interface UsageEventInput {
  meter: string
  amount: number
  idempotencyKey: string | null
  occurredAt: Date
  receivedAt: Date
  period: string
  /** Local date, `2026-11-21`. */
  day: string
  properties: Record<string, unknown> | null
}

export interface Tracked {
  outcome: 'accepted' | 'duplicate' | 'conflict'
  /** Of the counter that the event counts in: for a duplicate the one that the first event went to. */
  used: number
  revision: number
  period: string
  occurredAt: Date
  /** Of the limit of the meter. */
  overrides: StoredOverride[]
}

/** What `metering.track` raises, with what the gauge holds as its detail. */
const belowZeroState = 'TN001'

interface TrackedRow {
  outcome: Tracked['outcome']
  used: string
  revision: string
  period: string
  occurredAt: string
  override: StoredOverride | null
}

/**
 * Counts an event once, however often and from however many processes its key comes. Throws `usage.below_zero`, after
 * which the transaction is lost.
 */
export async function trackEvent(em: EntityManager, event: UsageEventInput): Promise<Tracked> {
  const eventId = newId()
  const rows = await callTrack(em, eventId, event).catch((error: { code?: string; detail?: string }) => {
    if (error.code !== belowZeroState) throw error
    throw usageErrors.below_zero({ meter: event.meter, used: Number(error.detail) })
  })
  const [row] = rows
  if (!row) throw new Error('The metering function answered nothing')
  const { outcome, used, revision, period, occurredAt, override } = row
  return {
    outcome,
    used: Number(used),
    revision: Number(revision),
    period,
    occurredAt: new Date(occurredAt),
    overrides: override === null ? [] : [override],
  }
}

function callTrack(em: EntityManager, eventId: string, event: UsageEventInput): Promise<TrackedRow[]> {
  return em.execute<TrackedRow[]>(
    /* sql */ `select outcome, used, revision, counted_in as period, happened_at as "occurredAt",
        (select ${overrideJson} from tenantry.limit_overrides
          where tenant_id = (select tenancy.current_tenant()) and meter = ?) as override
      from metering.track(?, ?, ?, ?, ?, ?, ?, ?, ?::jsonb)`,
    [
      event.meter,
      eventId,
      event.meter,
      event.amount,
      event.idempotencyKey ?? eventId,
      event.occurredAt,
      event.receivedAt,
      event.period,
      event.day,
      event.properties === null ? null : JSON.stringify(event.properties),
    ],
  )
}
