import type { TenantAccess } from '@tenantry/kernel/context/dependencies'
import type { PublicContext, TenantContext } from '@tenantry/kernel/context/request-context'
import type { Plan, PlanCatalogue } from './rules/catalogue.ts'

declare module '@tenantry/kernel/context/dependencies' {
  interface Services {
    catalogue: PlanCatalogue
  }
}

/** The plan of that name. One that the operator's file no longer has reads as the lowest, never as unlimited. */
export function planNamed(catalogue: PlanCatalogue, name: string): Plan {
  const plan = catalogue.plan(name) ?? catalogue.plan(catalogue.defaultPlan)
  if (!plan) throw new Error('The catalogue has no default plan')
  return plan
}

/** What a tenant has at that time: what its plan has, and what it was granted for itself, without what was withdrawn. */
export function featuresOf(
  catalogue: PlanCatalogue,
  { plan, featureOverrides }: Pick<TenantAccess['tenant'], 'plan' | 'featureOverrides'>,
  at: Date,
): ReadonlySet<string> {
  const { features } = planNamed(catalogue, plan)
  const valid = featureOverrides.filter(({ expiresAt }) => expiresAt === null || new Date(expiresAt) > at)
  if (valid.length === 0) return features
  const isKnown = (feature: string) => catalogue.features.includes(feature)
  const withdrawn = new Set(valid.flatMap(({ feature, granted }) => (granted ? [] : [feature])))
  const granted = valid.flatMap(({ feature, granted }) => (granted && isKnown(feature) ? [feature] : []))
  return new Set([...features, ...granted].filter((feature) => !withdrawn.has(feature)))
}

/** Of the tenant that is called now. */
export const featuresNow = ({ services, tenant, clock }: Pick<TenantContext, 'services' | 'tenant' | 'clock'>) =>
  featuresOf(services.catalogue, tenant, clock.now())

export function listPlans({ services: { catalogue } }: PublicContext) {
  return {
    currency: catalogue.currency,
    meters: Object.values(catalogue.meters).map(({ key, kind, period, unit, description }) => ({
      meter: key,
      kind,
      period,
      unit,
      description,
    })),
    items: catalogue.plans.map(({ name, title, monthlyPriceMicros, limits, features, overagePrices }) => ({
      name,
      title,
      monthlyPriceMicros,
      limits: { ...limits },
      features: [...features],
      overagePrices: { ...overagePrices },
    })),
  }
}
