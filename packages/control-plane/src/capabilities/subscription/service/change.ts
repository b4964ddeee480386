import type { TenantContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import { listKeptOverrides } from '../../limit/index.ts'
import { type Plan, planNamed } from '../../plan/index.ts'
import {
  callOffScheduledChange,
  changeTenant,
  findScheduledChange,
  forgetTenant,
  getOwnTenantForUpdate,
  knownPlan,
  saveScheduledChange,
  type Tenant,
} from '../../tenant/index.ts'
import { type changePlan, subscriptionErrors } from '../contract.ts'
import { direction } from '../rules/comparison.ts'
import { compare } from './comparison.ts'
import { applyDueTo } from './due.ts'
import { describe, periodOf } from './read.ts'

type Way = 'upgrade' | 'downgrade'

/** Throws `tenant.unknown_plan`, `subscription.would_break` with all that does, and what `refuseOtherWay` throws. */
export async function change(
  ctx: TenantContext,
  { plan, when, acceptBreaking }: z.output<typeof changePlan.input>,
  only: Way | null = null,
) {
  const to = knownPlan(ctx.services.catalogue, plan)
  const tenant = await getOwnTenantForUpdate(ctx.em)
  // Usage is held to it already: it is not called off because the job comes a minute later.
  await applyDueTo(ctx, tenant)
  if (only !== null) refuseOtherWay(ctx, tenant, { to, only })
  if (to.name === tenant.plan) await callOffScheduledChange(ctx, tenant)
  else {
    if (!acceptBreaking) await refuseBreaking(ctx, tenant, to)
    if (when === 'period_end') await schedule(ctx, tenant, to)
    else await changeTenant(ctx, tenant, { fields: { plan: to.name }, action: 'subscription.changed' })
  }
  const described = await describe(ctx, tenant)
  const from = described.scheduledChange?.effectiveAt ?? ctx.clock.now()
  return { ...described, keptOverrides: await listKeptOverrides(ctx, to, from) }
}

const otherWays = {
  upgrade: { refuse: subscriptionErrors.not_higher, than: 'higher', other: 'downgrade' },
  downgrade: { refuse: subscriptionErrors.not_lower, than: 'lower', other: 'upgrade' },
} as const

/** Throws `subscription.not_higher` for what is no upgrade, and `subscription.not_lower` for what is no downgrade. */
function refuseOtherWay(ctx: TenantContext, tenant: Tenant, { to, only }: { to: Plan; only: Way }): void {
  const { catalogue } = ctx.services
  const { name: from } = planNamed(catalogue, tenant.plan)
  const way = direction(catalogue.order, from, to.name)
  if (way === only) return
  const { refuse, than, other } = otherWays[only]
  const calls = way === 'same' ? '/subscription/change' : `/subscription/${other}, or /subscription/change`
  const message = `The plan ${to.name} is not ${than} than ${from}, which holds now. Call ${calls}, which takes any plan.`
  throw refuse({ issues: [{ path: 'plan', message }] }, message)
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
  // It may be due before what is known of the tenant is asked for again.
  forgetTenant(ctx)
  ctx.record('subscription.change_scheduled', {
    target: { type: 'tenant', id: tenant.id },
    changes: {
      plan: { before: before?.plan ?? tenant.plan, after: plan },
      effectiveAt: { before: before?.effectiveAt.toISOString() ?? null, after: effectiveAt.toISOString() },
    },
  })
}
