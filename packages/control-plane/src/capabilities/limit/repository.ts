import type { EntityManager } from '@mikro-orm/postgresql'
import { tenantQuery } from '@tenantry/kernel/tenancy/tenant-query'
import { LimitGrant, LimitOverride } from './entity.ts'
import type { StoredOverride } from './rules/overrides.ts'

export type { LimitGrant } from './entity.ts'

/** For queries of others that read overrides and grants along, by the next. */
export const overrideSource = { override: LimitOverride, granted: LimitGrant }

export const overridesJson = overridesFrom('override', 'granted')

/** For queries over many tenants: of the tenant and the meter of each row of that alias. */
export function overridesOfEach(row: string): string {
  const own = `where tenant_id = ${row}.tenant_id and meter = ${row}.meter`
  return overridesFrom(`tenantry.limit_overrides ${own}`, `tenantry.limit_grants ${own}`)
}

function overridesFrom(overrides: string, granted: string): string {
  return /* sql */ `(select coalesce(json_agg(json_build_object('kind', kind, 'meter', meter, 'value', value, 'expiresAt', expires_at)), '[]')
  from (select 'override' as kind, meter, value, expires_at from ${overrides}
        union all select 'grant', meter, amount, expires_at from ${granted}) allowed) as overrides`
}

export const limitOverrides = tenantQuery<{ overrides: StoredOverride[] }>(overrideSource, `select ${overridesJson}`)

/** Until the end of the transaction nobody else overrides its limit, or adds to what is counted where it is made. */
export async function lockMeter(em: EntityManager, meter: string): Promise<void> {
  await em.execute('select metering.hold_room(?)', [meter])
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

const holdingAt = (at: Date) => ({ $or: [{ expiresAt: null }, { expiresAt: { $gt: at } }] })

/** Those that hold at that time, by meter. */
export async function listCurrentOverrides(em: EntityManager, at: Date): Promise<LimitOverride[]> {
  return em.find(LimitOverride, holdingAt(at), { orderBy: { meter: 'asc' }, disableIdentityMap: true })
}

export async function removeLimitOverrides(em: EntityManager, meters: readonly string[]): Promise<void> {
  if (meters.length > 0) await em.nativeDelete(LimitOverride, { meter: { $in: [...meters] } })
}

/** Those that hold at that time, the newest first. */
export async function listGrants(
  em: EntityManager,
  { at, after, limit }: { at: Date; after: string | undefined; limit: number },
): Promise<LimitGrant[]> {
  const beyond = after === undefined ? {} : { id: { $lt: after } }
  return em.find(LimitGrant, { ...holdingAt(at), ...beyond }, { orderBy: { id: 'desc' }, limit })
}

export async function insertGrant(
  em: EntityManager,
  grant: Pick<LimitGrant, 'meter' | 'amount' | 'reason' | 'expiresAt' | 'createdAt'>,
): Promise<LimitGrant> {
  const made = em.create(LimitGrant, grant)
  em.persist(made)
  await em.flush()
  return made
}

/** Null where there is none, or somebody else has taken it away. */
export async function removeGrant(em: EntityManager, id: string): Promise<LimitGrant | null> {
  const grant = await em.findOne(LimitGrant, { id })
  return grant && (await em.nativeDelete(LimitGrant, { id })) > 0 ? grant : null
}
