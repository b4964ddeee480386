export { limitErrors, UsageLimitExceededError } from './contract.ts'
export { overrideJson, overrideSource, overridesJson, saveLimitOverrides } from './repository.ts'
export { type StoredOverride, withOverrides } from './rules/overrides.ts'
export { findRoom, limitsOf, requireRoom } from './service.ts'
