export { limitErrors, UsageLimitExceededError } from './contract.ts'
export {
  limitOverrides,
  lockMeter,
  overrideSource,
  overridesJson,
  overridesOfEach,
  saveLimitOverrides,
} from './repository.ts'
export { type StoredOverride, withOverrides } from './rules/overrides.ts'
export { futureOf, unknownMeters } from './service/change.ts'
export { limitsOf, listKeptOverrides } from './service/limits.ts'
export { amountOf, overrideLimits } from './service/overrides.ts'
