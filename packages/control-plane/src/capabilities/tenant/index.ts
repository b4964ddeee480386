export { ConcurrentUpdateError, tenantErrors } from './contract.ts'
export {
  findTenantBySlug,
  getOwnTenant,
  getOwnTenantForUpdate,
  insertTenant,
  listPlansInUse,
  saveTenant,
} from './repository.ts'
export { forgetKept, forgetTenant } from './service.ts'
