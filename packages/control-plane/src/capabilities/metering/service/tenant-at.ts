import { type PlanCatalogue, planNamed } from '../../plan/index.ts'
import { afterChange, type Counting, type MeteredTenant } from '../rules/tenant-period.ts'

/** A tenant as it is stored, with the plan that it comes to have. */
export interface PlannedTenant extends Omit<MeteredTenant, 'createdAt'> {
  createdAt: Date | string
  plan: string
  scheduledChange: { plan: string; effectiveAt: Date | string } | null
}

/** As it stands at that time: a change that is due counts at once, though the job that makes it may come a minute later. */
export function tenantAt<Tenant extends PlannedTenant>(catalogue: PlanCatalogue, tenant: Tenant, at: Date): Tenant {
  const { scheduledChange } = tenant
  if (scheduledChange === null || new Date(scheduledChange.effectiveAt) > at) return tenant
  if (catalogue.plan(scheduledChange.plan) === null) return tenant
  const until = lastInstantBefore(scheduledChange.effectiveAt)
  return { ...changedAfter(catalogue, tenant, { plan: scheduledChange.plan, until }), scheduledChange: null }
}

interface Changes {
  plan?: string | undefined
  timezone?: string | undefined
  /** The last instant of what was before. */
  until: Date
}

/** With another plan or timezone, which leaves the periods that go on as they are. */
export function changedAfter<Tenant extends Omit<PlannedTenant, 'scheduledChange'>>(
  catalogue: PlanCatalogue,
  tenant: Tenant,
  { plan = tenant.plan, timezone = tenant.timezone, until }: Changes,
): Tenant {
  const [before, after] = [countingOf(catalogue, tenant), countingOf(catalogue, { plan, timezone })]
  const createdAt = new Date(tenant.createdAt)
  const formerTimezones = afterChange({ ...tenant, createdAt }, { before, after, until })
  return { ...tenant, plan, timezone, formerTimezones }
}

const countingOf = (
  catalogue: PlanCatalogue,
  { plan, timezone }: Pick<PlannedTenant, 'plan' | 'timezone'>,
): Counting => ({ timezone, anchor: planNamed(catalogue, plan).periodAnchor })

/** What comes into effect when a period ends belongs to none that the end is the first instant of. */
export const lastInstantBefore = (effectiveAt: Date | string) => new Date(new Date(effectiveAt).getTime() - 1)
