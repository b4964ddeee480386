export { UsageLimitExceededError } from './contract.ts'
export { hasEvent, trackEvent } from './repository.ts'
export { periodOf } from './rules/period.ts'
export { afterTimezoneChange } from './rules/tenant-period.ts'
