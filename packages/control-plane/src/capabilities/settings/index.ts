export { InvalidSettingsError } from './contract.ts'
export { getSettingsForUpdate } from './repository.ts'
export { settingsWithFeature } from './rules/changes.ts'
export { getEffectiveSettings, getInheritedSettings, readRateLimits, readSettings } from './service/read.ts'
