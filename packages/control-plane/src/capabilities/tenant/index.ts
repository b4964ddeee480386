export { ConcurrentUpdateError, tenantErrors } from './contract.ts'
export { findTenantBySlug, getOwnTenant, getOwnTenantForUpdate, insertTenant, saveTenant } from './repository.ts'
export { forgetTenant } from './service.ts'
