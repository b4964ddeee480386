export { UsageLimitExceededError } from './contract.ts'
export { hasEvent, trackEvent } from './repository.ts'
export { periodOf } from './rules/period.ts'
export { afterTimezoneChange, periodOfTenant } from './rules/tenant-period.ts'
