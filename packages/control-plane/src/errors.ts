/** The errors in-process callers may test for with `instanceof`. */
export { PermissionDeniedError, TenantNotFoundError } from '@tenantry/kernel/contract/errors'
export { AppError } from '@tenantry/kernel/errors/app-error'
export { InvalidSettingsError } from './capabilities/settings/index.ts'
export { ConcurrentUpdateError } from './capabilities/tenant/index.ts'
export { UsageLimitExceededError } from './capabilities/usage/index.ts'
