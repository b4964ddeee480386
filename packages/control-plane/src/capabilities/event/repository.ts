import type { EntityManager } from '@mikro-orm/postgresql'
import { Event } from './entity.ts'

export type EventRow = Pick<Event, 'position' | 'type' | 'data' | 'occurredAt'>

/**
 * Numbers the events in their order, under a lock that is held until the commit: the next one of the tenant gets its
 * position when these can be seen, so that whoever has seen a position has seen all below it.
 */
export async function insertEvents(em: EntityManager, events: readonly Omit<EventRow, 'position'>[]): Promise<void> {
  const own = 'tenant_id = (select tenancy.current_tenant())'
  // Two statements in one round trip: the second sees what was committed before the lock was had.
  await em.execute(
    /* sql */ `select pg_advisory_xact_lock(hashtextextended('events ' || tenancy.current_tenant(), 0));
      insert into tenantry.events (tenant_id, position, type, data, occurred_at)
      select tenancy.current_tenant(), latest.position + told.place, told.type, told.data, told.occurred_at
        from (select greatest(coalesce(max(position), 0), ${microseconds('clock_timestamp()')} - 1) as position
                from tenantry.events where ${own}) latest,
             jsonb_to_recordset(?::jsonb) as told (place integer, type text, data jsonb, occurred_at timestamptz)`,
    [
      JSON.stringify(
        events.map(({ type, data, occurredAt }, index) => ({ place: index + 1, type, data, occurred_at: occurredAt })),
      ),
    ],
  )
}

export interface EventRange {
  /** Of the newest event. */
  latest: number
  /** Of the oldest that is surely kept. */
  oldest: number
}

/** Where there is no event, `latest` is a moment that no event under way is older than. */
export async function findRange(em: EntityManager): Promise<EventRange> {
  const [row] = await em.execute<{ latest: string; oldest: string }[]>(
    /* sql */ `select coalesce(max(position), ${microseconds("now() - interval '1 hour'")}) as latest,
             ${microseconds("now() - interval '7 days'")} as oldest
        from tenantry.events where tenant_id = (select tenancy.current_tenant())`,
  )
  return { latest: Number(row?.latest), oldest: Number(row?.oldest) }
}

/** In order. */
export async function listEventsAfter(em: EntityManager, position: number, limit: number): Promise<EventRow[]> {
  return em.find(
    Event,
    { position: { $gt: position } },
    { orderBy: { position: 'asc' }, limit, disableIdentityMap: true },
  )
}

/** The newest first. */
export async function listEventsBefore(
  em: EntityManager,
  { position, types, limit }: { position: number | null; types: readonly string[]; limit: number },
): Promise<EventRow[]> {
  return em.find(
    Event,
    { type: { $in: [...types] }, ...(position === null ? {} : { position: { $lt: position } }) },
    { orderBy: { position: 'desc' }, limit, disableIdentityMap: true },
  )
}

const microseconds = (instant: string) => `(extract(epoch from ${instant}) * 1000000)::bigint`
