export { InvalidSettingsError } from './contract.ts'
export { readRateLimits } from './service.ts'
