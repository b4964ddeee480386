import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { countedPeriod, type MeteredTenant } from '../../metering/index.ts'
import { featuresOf, planNamed } from '../../plan/index.ts'
import { getOwnTenant, standingNow, type Tenant } from '../../tenant/index.ts'

export async function get(ctx: TenantContext) {
  return describe(ctx, await getOwnTenant(ctx.em))
}

export async function describe(ctx: TenantContext, tenant: Tenant) {
  const standing = await standingNow(ctx, tenant)
  const { plan: name, scheduledChange: scheduled } = standing
  const plan = planNamed(ctx.services.catalogue, name)
  const { startsAt, endsAt, timezone, anchor } = periodOf(ctx, standing)
  return {
    plan: plan.name,
    title: plan.title,
    startedAt: tenant.createdAt,
    periodAnchor: anchor,
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
export function periodOf({ services, clock }: TenantContext, tenant: MeteredTenant & Pick<Tenant, 'plan'>) {
  const { periodAnchor } = planNamed(services.catalogue, tenant.plan)
  const { endsAt, ...period } = countedPeriod('month', clock.now(), tenant, periodAnchor)
  if (endsAt === null) throw new Error('A month has no end')
  return { ...period, endsAt }
}
