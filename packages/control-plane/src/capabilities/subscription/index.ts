export { subscriptionErrors } from './contract.ts'
export { applyDueChange } from './service/due.ts'
