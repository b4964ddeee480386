import type { PublicContext } from '@tenantry/kernel/context/request-context'
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

export const featuresOf = (plan: Plan): string[] => [...plan.features]

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
