export { Run, RunTotals, UsageAlert, UsageCounter, UsageDaily, UsageEvent, UsageReservation } from './entity.ts'
export { listWaitingTenants, type PendingAlert, takeAlerts } from './repository/alerts.ts'
export { findLatestDigest } from './repository/limits.ts'
export { listOutdatedTenants } from './repository/outdated.ts'
export { type HeldSlots, heldJson, runMeters, runSource, slotsValue } from './repository/slots.ts'
export { countTenantsUsing } from './repository/tenants.ts'
export {
  type CounterValue,
  outcomes,
  overOf,
  readBatch,
  type WriteOutcome,
  type WrittenItem,
  type WrittenRow,
} from './repository/write.ts'
export type { UsageItem, UsageMode } from './rules/batch.ts'
export { type Period, periodOf } from './rules/period.ts'
export { eventRetentionDays } from './rules/retention.ts'
export {
  countedPeriod,
  type MeteredTenant,
  periodOfTenant,
  recentPeriod,
  spanOf,
} from './rules/tenant-period.ts'
export type { AccountCall, AccountGiven } from './service/account-calls.ts'
export { isKept } from './service/defer.ts'
export { createMetering, type Metering } from './service/metering.ts'
export { findRoom, type RoomWanted, requireRoom } from './service/room.ts'
export { changedAfter, lastInstantBefore, tenantAt } from './service/tenant-at.ts'
