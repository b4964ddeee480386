export { ConcurrentUpdateError, maximumLevels, tenantErrors } from './contract.ts'
export type { ScheduledPlanChange, Tenant } from './entity.ts'
export {
  againWhileTaken,
  countTenantsByPlan,
  findFreeSlug,
  findParent,
  findScheduledChange,
  findTenantById,
  findTenantByReference,
  findTenantBySlug,
  getOwnTenant,
  getOwnTenantForUpdate,
  insertTenant,
  listDueChanges,
  listPlansInUse,
  listTenants,
  lockHierarchy,
  type NewTenant,
  namedTenantSource,
  removeScheduledChange,
  saveScheduledChange,
  saveTenant,
} from './repository.ts'
export { slugCandidates } from './rules/slug.ts'
export {
  cachedNames,
  callOffScheduledChange,
  changeTenant,
  describe as describeTenant,
  effectiveState,
  forgetKept,
  forgetTenant,
  knownPlan,
  standingNow,
} from './service.ts'
