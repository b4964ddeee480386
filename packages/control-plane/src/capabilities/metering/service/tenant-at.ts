import type { PlanCatalogue } from '../../plan/index.ts'

/** A tenant as it is stored, with the plan that it comes to have. */
export interface PlannedTenant {
  plan: string
  scheduledChange: { plan: string; effectiveAt: Date | string } | null
}

/** As it stands at that time: a change that is due counts at once, though the job that makes it may come a minute later. */
export function tenantAt<Tenant extends PlannedTenant>(catalogue: PlanCatalogue, tenant: Tenant, at: Date): Tenant {
  const { scheduledChange } = tenant
  if (scheduledChange === null || new Date(scheduledChange.effectiveAt) > at) return tenant
  const plan = catalogue.plan(scheduledChange.plan)
  return plan === null ? tenant : { ...tenant, plan: plan.name, scheduledChange: null }
}
