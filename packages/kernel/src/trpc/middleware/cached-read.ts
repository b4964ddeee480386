import { type Actor, isOperator } from '../../context/actor.ts'
import type { TenantAccess } from '../../context/dependencies.ts'
import type { CachedTenantContext, ReadTenant, RequestContext } from '../../context/request-context.ts'
import type { AnyOperation } from '../../contract/operation.ts'

/** Reads the database only where the cache has no answer. */
export function cachedRead(
  { dependencies }: RequestContext,
  { actor, access }: { actor: Actor; access: TenantAccess | null },
  operation: AnyOperation,
): Partial<Pick<CachedTenantContext, 'cached'>> {
  const cache = 'cached' in operation ? operation.cached : null
  if (!cache || !access) return {}
  const unit = { tenantId: access.tenant.id, asOperator: isOperator(actor) }
  const read: ReadTenant = (query, values) => dependencies.database.tenantRead(unit, query, values)
  return {
    cached: <Value>(load: (read: ReadTenant) => Promise<Value>) =>
      dependencies.services.cache.getOrLoad(unit.tenantId, cache.name, cache.ttlSeconds, () => load(read)),
  }
}
