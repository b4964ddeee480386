export { InvalidSettingsError } from './contract.ts'
export { getEffectiveSettings, readRateLimits, readSettings } from './service/read.ts'
