export { InvalidSettingsError } from './contract.ts'
export { readRateLimits, readSettings } from './service/read.ts'
