import type { EntityManager } from '@mikro-orm/postgresql'
import { FeatureOverride } from './entity.ts'

/** Those that hold at that time, by feature. */
export async function listOverrides(em: EntityManager, at: Date): Promise<FeatureOverride[]> {
  const holding = { $or: [{ expiresAt: null }, { expiresAt: { $gt: at } }] }
  return em.find(FeatureOverride, holding, { orderBy: { feature: 'asc' }, disableIdentityMap: true })
}

/** In place of what there is for these features. Needs a unit of work on the operators' connection. */
export async function replaceOverrides(
  em: EntityManager,
  features: readonly string[],
  overrides: readonly Omit<FeatureOverride, 'tenantId'>[],
): Promise<void> {
  await em.nativeDelete(FeatureOverride, { feature: { $in: [...features] } })
  for (const override of overrides) em.persist(em.create(FeatureOverride, override))
  await em.flush()
}
