import type { EntityManager } from '@mikro-orm/postgresql'

export interface OutdatedAt {
  now: Date
  /** Of the catalogue that limits must be made of. */
  catalogueRevision: number
}

/** Tenants whose limits were made of what has changed or ended since; by id, and as many at the most. */
export async function listOutdatedTenants(
  em: EntityManager,
  { now, catalogueRevision }: OutdatedAt,
  { after, limit }: { after: string | null; limit: number },
): Promise<string[]> {
  const rows = await em.execute<{ tenantId: string }[]>(
    `select tenant_id as "tenantId" from tenantry.usage_accounts
      where (changes <> resolved_changes or catalogue_revision < ? or next_change_at <= ?)
        and (?::uuid is null or tenant_id > ?::uuid)
      order by tenant_id limit ?`,
    [catalogueRevision, now, after, after, limit],
  )
  return rows.map(({ tenantId }) => tenantId)
}
