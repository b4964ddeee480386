import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { countedPeriod } from '../../metering/index.ts'
import { featuresOf, type Plan, planNamed } from '../../plan/index.ts'
import { getOwnTenant, standingNow, type Tenant } from '../../tenant/index.ts'

export async function get(ctx: TenantContext) {
  return describe(ctx, await getOwnTenant(ctx.em))
}

export async function describe(ctx: TenantContext, tenant: Tenant) {
  const { plan: name, scheduledChange: scheduled } = await standingNow(ctx, tenant)
  const plan = planNamed(ctx.services.catalogue, name)
  const { startsAt, endsAt, timezone } = periodOf(ctx, tenant, plan)
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
    features: [...featuresOf(ctx.services.catalogue, { ...ctx.tenant, plan: name }, ctx.clock.now())],
    currency: plan.currency,
    monthlyPriceMicros: plan.monthlyPriceMicros,
    overagePrices: { ...plan.overagePrices },
  }
}

/** The month that the tenant is billed for now. */
export function periodOf({ clock }: TenantContext, tenant: Tenant, { periodAnchor }: Plan) {
  const { endsAt, ...period } = countedPeriod('month', clock.now(), tenant, periodAnchor)
  if (endsAt === null) throw new Error('A month has no end')
  return { ...period, endsAt }
}
