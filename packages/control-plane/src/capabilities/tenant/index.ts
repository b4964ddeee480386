export { ConcurrentUpdateError, maximumLevels, tenantErrors } from './contract.ts'
export type { Tenant } from './entity.ts'
export {
  findTenantBySlug,
  getOwnTenant,
  getOwnTenantForUpdate,
  insertTenant,
  listPlansInUse,
  saveTenant,
  tenantSource,
} from './repository.ts'
export { forgetKept, forgetTenant } from './service.ts'
