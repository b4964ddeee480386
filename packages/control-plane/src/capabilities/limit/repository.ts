import type { EntityManager } from '@mikro-orm/postgresql'
import { tenantQuery } from '@tenantry/kernel/tenancy/tenant-query'
import { LimitOverride } from './entity.ts'
import type { StoredOverride } from './rules/overrides.ts'

/** For queries of others that read overrides along, by the next two. */
export const overrideSource = { override: LimitOverride }

/** One of them. */
export const overrideJson = `json_build_object('meter', meter, 'value', value, 'expiresAt', expires_at)`
export const overridesJson = `(select coalesce(json_agg(${overrideJson}), '[]') from override) as overrides`

export const limitOverrides = tenantQuery<{ overrides: StoredOverride[] }>(overrideSource, `select ${overridesJson}`)

export async function listOverrides(em: EntityManager): Promise<StoredOverride[]> {
  const overrides = await em.find(LimitOverride, {})
  return overrides.map(({ meter, value, expiresAt }) => ({
    meter,
    value: value ?? null,
    expiresAt: expiresAt?.toISOString() ?? null,
  }))
}

/** Until the end of the transaction nobody else passes here for this tenant and meter. */
export async function lockMeter(em: EntityManager, tenantId: string, meter: string): Promise<void> {
  await em.execute('select pg_advisory_xact_lock(hashtextextended(?, 0))', [`tenantry limit ${tenantId} ${meter}`])
}

/** In place of what is there for the same meters. Needs a unit of work on the operators' connection. */
export async function saveLimitOverrides(
  em: EntityManager,
  overrides: readonly Pick<LimitOverride, 'meter' | 'value' | 'reason' | 'expiresAt' | 'createdAt'>[],
): Promise<void> {
  for (const override of overrides) {
    const known = await em.findOne(LimitOverride, { meter: override.meter })
    if (known) em.assign(known, override)
    else em.persist(em.create(LimitOverride, override))
  }
  await em.flush()
}

/** Those that hold at that time, by meter. */
export async function listCurrentOverrides(em: EntityManager, at: Date): Promise<LimitOverride[]> {
  return em.find(
    LimitOverride,
    { $or: [{ expiresAt: null }, { expiresAt: { $gt: at } }] },
    { orderBy: { meter: 'asc' }, disableIdentityMap: true },
  )
}

export async function removeLimitOverrides(em: EntityManager, meters: readonly string[]): Promise<void> {
  if (meters.length > 0) await em.nativeDelete(LimitOverride, { meter: { $in: [...meters] } })
}
