import type { EntityManager } from '@mikro-orm/postgresql'
import type { Actor } from '../../context/actor.ts'
import type { TenantAccess } from '../../context/dependencies.ts'
import type { CachedTenantContext, RequestContext } from '../../context/request-context.ts'
import type { AnyOperation } from '../../contract/operation.ts'

/** Opens a read-only unit of work only where the cache has no answer. */
export function cachedRead(
  { dependencies }: RequestContext,
  { actor, access }: { actor: Actor; access: TenantAccess | null },
  operation: AnyOperation,
): Partial<Pick<CachedTenantContext, 'cached'>> {
  const cache = 'cached' in operation ? operation.cached : null
  if (!cache || !access) return {}
  const tenantId = access.tenant.id
  return {
    cached: <Value>(load: (em: EntityManager) => Promise<Value>) =>
      dependencies.services.cache.getOrLoad(tenantId, cache.name, cache.ttlSeconds, () =>
        dependencies.database.tenantUnit({ tenantId, actor, readOnly: true }, load),
      ),
  }
}
