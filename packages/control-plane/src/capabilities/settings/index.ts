export { InvalidSettingsError } from './contract.ts'
export { getSettingsForUpdate } from './repository.ts'
export { getEffectiveSettings, getInheritedSettings, readRateLimits, readSettings } from './service/read.ts'
