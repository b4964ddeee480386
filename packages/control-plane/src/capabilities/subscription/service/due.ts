import type { Actor } from '@tenantry/kernel/context/actor'
import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { newId } from '@tenantry/kernel/tenancy/id'
import { openSequence } from '@tenantry/kernel/trpc/sequence'
import { lastInstantBefore } from '../../metering/index.ts'
import {
  changeTenant,
  findScheduledChange,
  getOwnTenantForUpdate,
  removeScheduledChange,
  type Tenant,
} from '../../tenant/index.ts'

/** Puts a tenant on the plan that it was to have by now. Whether this was to do: false if it is done. */
export async function applyDueChange(dependencies: Dependencies, actor: Actor, tenantId: string): Promise<boolean> {
  const { directory, logger } = dependencies
  const access = await directory.findAccess(actor, tenantId)
  if (access === null) return false
  const client = { address: null, userAgent: null }
  const caller = { dependencies, actor, client, requestId: newId(), logger, operation: 'subscriptions.change' }
  return openSequence(caller).unit.tenant(access, applyDue)
}

/** Whoever comes second waits for the tenant, and then finds nothing due. */
async function applyDue(ctx: TenantContext): Promise<boolean> {
  const outcome = await applyDueTo(ctx, await getOwnTenantForUpdate(ctx.em))
  if (outcome === 'unknown_plan') throw new Error('The plan catalogue has no such plan as was to hold by now.')
  return outcome === 'applied'
}

/** The tenant must be locked. A plan that the catalogue does not have is left where it is. */
export async function applyDueTo(ctx: TenantContext, tenant: Tenant): Promise<'none' | 'applied' | 'unknown_plan'> {
  const scheduled = await findScheduledChange(ctx.em)
  if (scheduled === null || scheduled.effectiveAt > ctx.clock.now()) return 'none'
  const plan = ctx.services.catalogue.plan(scheduled.plan)
  if (plan === null) return 'unknown_plan'
  // Else it would be called off by the change that it is.
  await removeScheduledChange(ctx.em)
  await changeTenant(ctx, tenant, {
    fields: { plan: plan.name },
    until: lastInstantBefore(scheduled.effectiveAt),
    action: 'subscription.changed',
    details: { scheduledAt: scheduled.createdAt.toISOString(), effectiveAt: scheduled.effectiveAt.toISOString() },
  })
  return 'applied'
}
