export { type EndedSuspension, listEndedSuspensions } from './repository.ts'
export { type PurgeOptions, type PurgeOutcome, purgeDue, purgeTenant } from './service/purge.ts'
