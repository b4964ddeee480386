import { type Actor, actorKey } from '../context/actor.ts'
import type { RehearsedContext, TenantUnit } from '../context/dependencies.ts'
import { isUuid } from './id.ts'
import type { ContextPurpose } from './signed-context.ts'

/** What a transaction is bound to, signed. */
export interface Binding {
  purpose: ContextPurpose
  value: string
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
