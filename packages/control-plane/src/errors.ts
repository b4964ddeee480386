/** The errors in-process callers may test for with `instanceof`. */
export { PermissionDeniedError, TenantNotFoundError } from '@tenantry/kernel/contract/errors'
export { AppError } from '@tenantry/kernel/errors/app-error'
export { UsageLimitExceededError } from './capabilities/limit/index.ts'
export { InvalidSettingsError } from './capabilities/settings/index.ts'
export { ConcurrentUpdateError } from './capabilities/tenant/index.ts'
