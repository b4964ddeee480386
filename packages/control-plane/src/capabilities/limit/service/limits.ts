import type { CachedTenantContext, TenantContext } from '@tenantry/kernel/context/request-context'
import { readWithin } from '@tenantry/kernel/tenancy/tenant-query'
import { effectiveLimits, featuresNow, type Plan, planNamed } from '../../plan/index.ts'
import { limitOverrides } from '../repository.ts'
import { keptOverrides, type StoredOverride, withOverrides } from '../rules/overrides.ts'

export async function getLimits(ctx: CachedTenantContext) {
  const plan = planNamed(ctx.services.catalogue, ctx.tenant.plan)
  const [row] = await ctx.cached((read) => read(limitOverrides))
  if (!row) throw new Error('The overrides answered nothing')
  return { tier: plan.name, limits: limitsOf(ctx, row.overrides), features: [...featuresNow(ctx)] }
}

/** What holds on each meter now. */
export function limitsOf(
  { services, tenant, clock }: Pick<TenantContext, 'services' | 'clock'> & { tenant: { plan: string } },
  overrides: StoredOverride[],
) {
  const { name } = planNamed(services.catalogue, tenant.plan)
  return withOverrides(effectiveLimits(services.catalogue, name), overrides, clock.now())
}

/** The overrides that stay in force under that plan at that time, and what it would allow instead. */
export async function listKeptOverrides({ em, tenant, services }: TenantContext, { name }: Plan, at: Date) {
  const [row] = await readWithin(em, limitOverrides, [tenant.id])
  return keptOverrides(effectiveLimits(services.catalogue, name), row?.overrides ?? [], at)
}
