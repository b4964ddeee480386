import type { EntityManager } from '@mikro-orm/postgresql'
import type { Actor } from '../../context/actor.ts'
import type { TenantAccess } from '../../context/dependencies.ts'
import type { RequestContext } from '../../context/request-context.ts'
import { t } from '../init.ts'
import { serviceFields } from './transaction.ts'

/** Opens a read-only unit of work only where the cache has no answer. */
export const cachedRead = <Context extends object>() =>
  t.middleware(async ({ ctx, meta, next, path }) => {
    const { access, actor, dependencies } = ctx as RequestContext & { access: TenantAccess; actor: Actor }
    const cache = meta?.operation.cached
    if (!cache) throw new Error(`${path} is read through the cache but declares no cache`)
    const tenantId = access.tenant.id
    const cached = <Value>(load: (em: EntityManager) => Promise<Value>) =>
      dependencies.services.cache.getOrLoad(tenantId, cache.name, cache.ttlSeconds, () =>
        dependencies.database.tenantUnit({ tenantId, actor, readOnly: true }, load),
      )
    return next({ ctx: { cached, ...serviceFields(ctx) } as unknown as Context })
  })
