import type { TenantContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import type { Plan } from '../../plan/index.ts'
import {
  callOffScheduledChange,
  changeTenant,
  findScheduledChange,
  getOwnTenantForUpdate,
  knownPlan,
  saveScheduledChange,
  type Tenant,
} from '../../tenant/index.ts'
import { type changePlan, subscriptionErrors } from '../contract.ts'
import { compare } from './comparison.ts'
import { applyDueTo } from './due.ts'
import { describe, periodOf } from './read.ts'

/** Throws `tenant.unknown_plan`, and `subscription.would_break` with all that does. */
export async function change(ctx: TenantContext, { plan, when, acceptBreaking }: z.output<typeof changePlan.input>) {
  const to = knownPlan(ctx.services.catalogue, plan)
  const tenant = await getOwnTenantForUpdate(ctx.em)
  // Usage is held to it already: it is not called off because the job comes a minute later.
  await applyDueTo(ctx, tenant)
  if (to.name === tenant.plan) await callOffScheduledChange(ctx, tenant)
  else {
    if (!acceptBreaking) await refuseBreaking(ctx, tenant, to)
    if (when === 'period_end') await schedule(ctx, tenant, to)
    else await changeTenant(ctx, tenant, { fields: { plan: to.name }, action: 'subscription.changed' })
  }
  return describe(ctx, tenant)
}

async function refuseBreaking(ctx: TenantContext, tenant: Tenant, to: Plan): Promise<void> {
  const { breaking } = await compare(ctx, tenant, to)
  if (breaking.length === 0) return
  const named = breaking.map(({ name }) => name).join(', ')
  throw subscriptionErrors.would_break({ breaking }, `The plan ${to.name} allows less than is in use of ${named}.`)
}

async function schedule(ctx: TenantContext, tenant: Tenant, { name: plan }: Plan): Promise<void> {
  const before = await findScheduledChange(ctx.em)
  const { endsAt: effectiveAt } = periodOf(ctx, tenant)
  await saveScheduledChange(ctx.em, { plan, effectiveAt, createdAt: ctx.clock.now() })
  ctx.record('subscription.change_scheduled', {
    target: { type: 'tenant', id: tenant.id },
    changes: {
      plan: { before: before?.plan ?? tenant.plan, after: plan },
      effectiveAt: { before: before?.effectiveAt.toISOString() ?? null, after: effectiveAt.toISOString() },
    },
  })
}
