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

/** What calls of different ones are never one event: the period of their meter, and the day. */
export function callPeriod(catalogue: PlanCatalogue, tenant: TenantAccess['tenant'], at: Date): string {
  const day = periodOfTenant('day', at, tenant).key
  const meter = callMeter(catalogue)
  return meter === null || meter.period === 'day' ? day : `${keysOf(catalogue, meter, { tenant, at }).period} ${day}`
}

const keysOf = (catalogue: PlanCatalogue, meter: Meter, { tenant, at }: { tenant: TenantAccess['tenant']; at: Date }) =>
  spanOf(meter.period, at, tenant, planNamed(catalogue, tenant.plan).periodAnchor)

/** What stays the same however often it is sent. */
export interface CallItem {
  tenant: TenantAccess['tenant']
  meter: Meter
  item: Omit<UsageItem, 'isCurrent'>
}

/** So many calls in one event; its key is its own, so that it may be sent again. Null where no calls are counted. */
export function callItem(
  catalogue: PlanCatalogue,
  { tenant, calls, since }: { tenant: TenantAccess['tenant']; calls: number; since: Date },
): CallItem | null {
  const meter = callMeter(catalogue)
  if (meter === null) return null
  const id = newId()
  const item = {
    tenantId: tenant.id,
    meter: callMeterKey,
    ...keysOf(catalogue, meter, { tenant, at: since }),
    id,
    key: `${callMeterKey}:${id}`,
    amount: calls,
    mode: 'track' as const,
    sequence: null,
    day: periodOfTenant('day', since, tenant).key,
    occurredAt: since,
    properties: null,
  }
  return { tenant, meter, item }
}

/** As it is sent at that time: its period may have ended since the calls were made. */
export const sentAt = (catalogue: PlanCatalogue, { tenant, meter, item }: CallItem, now: Date): UsageItem => ({
  ...item,
  isCurrent: keysOf(catalogue, meter, { tenant, at: now }).period === item.period,
})
