import type { EntityManager } from '@mikro-orm/postgresql'
import { runMeters } from './slots.ts'

/**
 * How many tenants have used each of these meters, hold some of it now, or have a limit of their own on it; none has no
 * entry. Needs a platform unit of work.
 */
export async function countTenantsUsing(
  em: EntityManager,
  meters: readonly string[],
  now: Date,
): Promise<Map<string, number>> {
  if (meters.length === 0) return new Map()
  const rows = await em.execute<{ meter: string; tenants: string }[]>(
    /* sql */ `select meter, count(distinct tenant_id) as tenants from (
        select meter, tenant_id from tenantry.usage_counters where used > 0
        union all select meter, tenant_id from tenantry.usage_reservations where state = 'held' and expires_at > ?
        union all select ?, tenant_id from tenantry.runs where state = 'running' and expires_at > ?
        union all select meter, tenant_id from tenantry.limit_overrides
        union all select meter, tenant_id from tenantry.limit_grants) held
      where meter in (select jsonb_array_elements_text(?::jsonb)) group by meter order by meter`,
    [now, runMeters.slots, now, JSON.stringify(meters)],
  )
  return new Map(rows.map(({ meter, tenants }) => [meter, Number(tenants)]))
}
