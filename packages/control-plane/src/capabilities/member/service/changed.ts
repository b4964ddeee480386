import type { TenantContext } from '@tenantry/kernel/context/request-context'
import type { BaseRole } from '../../access/index.ts'
import { emitEvents } from '../../event/index.ts'
import type { Ended } from './ending.ts'

type InTenant = Pick<TenantContext, 'services' | 'afterCommit'> & { tenant: { id: string } }

/** What shows in info, usage and access goes stale in every process. */
export function forgetMembers(ctx: InTenant): void {
  const { services, tenant } = ctx
  ctx.afterCommit(async () => {
    services.forgetAccess(tenant.id)
    for (const name of ['info', 'usage']) await services.cache.invalidate(tenant.id, name)
  })
}

interface RoleChange {
  userId: string
  /** Null is no member. */
  before: BaseRole | null
  after: BaseRole | null
}

/** Writes down what became of one member. */
export function recordChange(
  ctx: TenantContext,
  action: string,
  {
    userId,
    before,
    after,
    taken = {},
    details,
  }: RoleChange & { taken?: Ended['taken']; details?: Record<string, unknown> },
): void {
  const target = { type: 'user', id: userId }
  ctx.record(action, { target, changes: { role: { before, after }, ...taken }, ...(details && { details }) })
}

/** To be called after all that the transaction locks. */
export async function tellChanges(
  ctx: InTenant & Pick<TenantContext, 'em' | 'clock'>,
  changes: readonly RoleChange[],
): Promise<void> {
  forgetMembers(ctx)
  const told = changes.map(({ userId, before, after }) =>
    after === null
      ? { type: 'member.removed' as const, userId }
      : { type: before === null ? ('member.added' as const) : ('member.role_changed' as const), userId, role: after },
  )
  await emitEvents(ctx, told)
}
