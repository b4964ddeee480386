export {
  type AccessRow,
  findKeyHolding,
  type HeldRole,
  isActiveUser,
  listDistinctHoldings,
  listHoldings,
  listInactive,
  listReachableTenants,
} from './repository.ts'
export { firstSources, scopesOfRole } from './rules/effective.ts'
export { mayManage, missingFrom } from './rules/grants.ts'
export {
  type BaseRole,
  baseRoles,
  createScopes,
  type DeclaredScope,
  everyTenantScope,
  isBaseRole,
  isSeniorRole,
  isTenantScope,
  ownership,
  roleScopes,
  type ScopeCatalogue,
  tenantScopes,
} from './rules/scopes.ts'
export { findDeactivated } from './service/deactivated.ts'
export { createDirectory } from './service/directory.ts'
export {
  type EffectivePermissions,
  effectivePermissions,
  keyPermissions,
  platformPermissions,
} from './service/effective.ts'
export {
  baseGrant,
  type Granted,
  grantRefusal,
  heldBy,
  managingRefusal,
  refuseGranting,
  refuseManaging,
} from './service/grants.ts'
export type { SignedInUser } from './service/known-people.ts'
