import type { TenantAccess } from '@tenantry/kernel/context/dependencies'
import { newId } from '@tenantry/kernel/tenancy/id'
import { periodOfTenant, spanOf, type UsageItem } from '../../metering/index.ts'
import { type Meter, type PlanCatalogue, planNamed } from '../../plan/index.ts'

export const callMeterKey = 'api_calls'

/** A catalogue of one's own need not count calls, or counts by that name what it has from elsewhere. */
export function callMeter(catalogue: PlanCatalogue): Meter | null {
  const meter = catalogue.meters[callMeterKey]
  return meter?.kind === 'counter' && meter.countedFrom === null ? meter : null
}

/** So many calls in one event; its key is its own, so that it may be sent again. Null where no calls are counted. */
export function callItem(
  catalogue: PlanCatalogue,
  { tenant, calls, since }: { tenant: TenantAccess['tenant']; calls: number; since: Date },
): UsageItem | null {
  const meter = callMeter(catalogue)
  if (meter === null) return null
  const id = newId()
  return {
    tenantId: tenant.id,
    meter: callMeterKey,
    ...spanOf(meter.period, since, tenant, planNamed(catalogue, tenant.plan).periodAnchor),
    isCurrent: true,
    id,
    key: `${callMeterKey}:${id}`,
    amount: calls,
    mode: 'track',
    sequence: null,
    day: periodOfTenant('day', since, tenant).key,
    occurredAt: since,
    properties: null,
  }
}
