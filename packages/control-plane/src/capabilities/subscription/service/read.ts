import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { countedPeriod } from '../../metering/index.ts'
import { featuresOf, planNamed } from '../../plan/index.ts'
import { findScheduledChange, getOwnTenant, type Tenant } from '../../tenant/index.ts'

export async function get(ctx: TenantContext) {
  return describe(ctx, await getOwnTenant(ctx.em))
}

export async function describe(ctx: TenantContext, tenant: Tenant) {
  const plan = planNamed(ctx.services.catalogue, tenant.plan)
  const { startsAt, endsAt, timezone } = periodOf(ctx, tenant)
  const scheduled = await findScheduledChange(ctx.em)
  return {
    plan: plan.name,
    title: plan.title,
    startedAt: tenant.createdAt,
    periodAnchor: plan.periodAnchor,
    timezone,
    currentPeriod: { startsAt, endsAt },
    scheduledChange: scheduled && {
      plan: scheduled.plan,
      effectiveAt: scheduled.effectiveAt,
      requestedAt: scheduled.createdAt,
    },
    features: [...featuresOf(ctx.services.catalogue, { ...ctx.tenant, plan: tenant.plan }, ctx.clock.now())],
    currency: plan.currency,
    monthlyPriceMicros: plan.monthlyPriceMicros,
    overagePrices: { ...plan.overagePrices },
  }
}

/** The month that the tenant is billed for now. */
export function periodOf({ services, clock }: TenantContext, tenant: Tenant) {
  const { periodAnchor } = planNamed(services.catalogue, tenant.plan)
  const { endsAt, ...period } = countedPeriod('month', clock.now(), tenant, periodAnchor)
  if (endsAt === null) throw new Error('A month has no end')
  return { ...period, endsAt }
}
