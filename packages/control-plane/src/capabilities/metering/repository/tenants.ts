import type { EntityManager } from '@mikro-orm/postgresql'

/** How many tenants have used each of these meters, or have a limit of their own on it; none has no entry. Needs a platform unit of work. */
export async function countTenantsUsing(em: EntityManager, meters: readonly string[]): Promise<Map<string, number>> {
  if (meters.length === 0) return new Map()
  const rows = await em.execute<{ meter: string; tenants: string }[]>(
    /* sql */ `select meter, count(distinct tenant_id) as tenants from (
        select meter, tenant_id from tenantry.usage_counters where used > 0
        union all select meter, tenant_id from tenantry.limit_overrides
        union all select meter, tenant_id from tenantry.limit_grants) held
      where meter in (select jsonb_array_elements_text(?::jsonb)) group by meter`,
    [JSON.stringify(meters)],
  )
  return new Map(rows.map(({ meter, tenants }) => [meter, Number(tenants)]))
}
