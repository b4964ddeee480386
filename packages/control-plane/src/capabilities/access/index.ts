export { type AccessRow, listInactive, listReachableTenants } from './repository.ts'
export {
  type BaseRole,
  baseRoles,
  everyTenantScope,
  isBaseRole,
  isTenantScope,
  roleScopes,
  tenantScopes,
} from './rules/scopes.ts'
export { createDirectory, grantRefusal, refuseGrantBeyond, refuseManaging, type SignedInUser } from './service.ts'
