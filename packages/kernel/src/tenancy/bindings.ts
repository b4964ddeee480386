import { type Actor, actorKey } from '../context/actor.ts'
import type { RehearsedContext, TenantUnit } from '../context/dependencies.ts'
import { isUuid } from './id.ts'
import type { ContextPurpose } from './signed-context.ts'

/** A batch is signed as a whole, and binds no transaction. */
type BoundPurpose = Exclude<ContextPurpose, 'batch'>

/** What a transaction is bound to, signed. */
export interface Binding {
  purpose: BoundPurpose
  value: string
}

export const settingOf: Record<BoundPurpose, string> = {
  tenant: 'tenancy.tenant_context',
  user: 'tenancy.user_context',
  identity: 'tenancy.user_context',
  platform: 'tenancy.platform_context',
}

/** Level one spans tenants where none is bound, so that no value that could be read as none may come this far. */
export function tenantBinding(tenantId: string): Binding {
  if (!isUuid(tenantId)) throw new TypeError('A tenant unit of work needs the id of a tenant')
  return { purpose: 'tenant', value: tenantId }
}

export function tenantBindings({ tenantId, actor }: Pick<TenantUnit, 'tenantId' | 'actor'>): Binding[] {
  const own = tenantBinding(tenantId)
  return actor.type === 'user' ? [own, { purpose: 'user', value: actor.id }] : [own]
}

/** For policies it is enough that there is an operator; who it was stands in the audit log. */
export const operatorBinding = (actor: Actor): Binding => ({
  purpose: 'platform',
  value: actorKey(actor)
    .replaceAll(/[^A-Za-z0-9:_-]/g, '_')
    .slice(0, 200),
})

export function rehearsed(context: RehearsedContext): Binding[] {
  if (context === null) return []
  return ['operator' in context ? operatorBinding(context.operator) : tenantBinding(context.tenantId)]
}
