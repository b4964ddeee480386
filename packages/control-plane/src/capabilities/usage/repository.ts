import type { EntityManager } from '@mikro-orm/postgresql'
import { tenantQuery } from '@tenantry/kernel/tenancy/tenant-query'
import { overrideSource, overridesJson, type StoredOverride } from '../limit/index.ts'
import { memberSource } from '../member/index.ts'
import {
  type CounterValue,
  type HeldSlots,
  heldJson,
  runSource,
  UsageCounter,
  UsageDaily,
  UsageEvent,
  UsageReservation,
} from '../metering/index.ts'
import { roleSource } from '../role/index.ts'
import { teamSource } from '../team/index.ts'

export interface UsageNow {
  counters: CounterValue[]
  /** What is reserved, and until when. */
  held: { meter: string; period: string; amount: number; expiresAt: string }[]
  /** What the meters `users` and `admins` count. */
  seats: { users: number; admins: number }
  /** Rows of ours that other meters count, by what they are. */
  owned: { roles: number; teams: number }
  overrides: StoredOverride[]
  slots: HeldSlots
}

/** One row per meter, whatever the number of events. Takes meters, as many periods, and the time. */
export const usageNow = tenantQuery<UsageNow>(
  {
    counter: UsageCounter,
    reservation: UsageReservation,
    ...overrideSource,
    ...memberSource,
    ...roleSource,
    ...teamSource,
    ...runSource,
  },
  /* sql */ `select
    (select coalesce(json_agg(json_build_object('meter', meter, 'period', period, 'used', used, 'overSince', over_since, 'overSpan', over_span, 'revision', revision)), '[]')
       from counter where (meter, period) in (select * from unnest($2::text[], $3::text[]))) as counters,
    (select coalesce(json_agg(json_build_object('meter', meter, 'period', period, 'amount', amount, 'expiresAt', expires_at)), '[]')
       from (select meter, period, expires_at, sum(amount) as amount from reservation
              where state = 'held' and expires_at > $4::timestamptz and (meter, period) in (select * from unnest($2::text[], $3::text[])) group by 1, 2, 3) waiting) as held,
    (select json_build_object('users', count(*), 'admins', count(*) filter (where role in ('owner', 'admin')))
       from membership) as seats,
    json_build_object('roles', (select count(*) from role), 'teams', (select count(*) from team)) as owned,
    ${overridesJson},
    ${heldJson('$4')} as slots`,
)

/** The newest first: ids are sorted by the time of their making. */
export async function listEventsBefore(
  em: EntityManager,
  { meter, before, limit }: { meter: string | undefined; before: string | undefined; limit: number },
): Promise<UsageEvent[]> {
  const where = { ...(meter === undefined ? {} : { meter }), ...(before === undefined ? {} : { id: { $lt: before } }) }
  return em.find(UsageEvent, where, { orderBy: { id: 'desc' }, limit, disableIdentityMap: true })
}

export type UsedOnDay = Pick<UsageDaily, 'meter' | 'day' | 'used' | 'events'>

/** Days without usage have no row. */
export async function listDaily(
  em: EntityManager,
  { meters, from, to }: { meters: string[]; from: string; to: string },
): Promise<UsedOnDay[]> {
  const where = { meter: { $in: meters }, day: { $gte: from, $lte: to } }
  return em.find(UsageDaily, where, { disableIdentityMap: true })
}

/** A key may come again after some time: the newest. */
export async function findEvent(
  em: EntityManager,
  where: { id: string } | { idempotencyKey: string },
): Promise<UsageEvent | null> {
  return em.findOne(UsageEvent, where, { orderBy: { receivedOn: 'desc' }, disableIdentityMap: true })
}

export async function hasEvent(em: EntityManager, idempotencyKey: string): Promise<boolean> {
  return (await em.count(UsageEvent, { idempotencyKey })) > 0
}
