export { UsageLimitExceededError } from './contract.ts'
export { trackEvent } from './repository.ts'
export { periodOf } from './rules/period.ts'
