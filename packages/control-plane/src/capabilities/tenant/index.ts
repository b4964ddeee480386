export { ConcurrentUpdateError, maximumLevels, tenantErrors } from './contract.ts'
export type { Tenant } from './entity.ts'
export {
  againWhileTaken,
  findFreeSlug,
  findParent,
  findTenantById,
  findTenantBySlug,
  getOwnTenant,
  getOwnTenantForUpdate,
  insertTenant,
  listPlansInUse,
  lockHierarchy,
  type NewTenant,
  namedTenantSource,
  saveTenant,
} from './repository.ts'
export { slugCandidates } from './rules/slug.ts'
export {
  cachedNames,
  describe as describeTenant,
  effectiveState,
  forgetKept,
  forgetTenant,
  knownPlan,
} from './service.ts'
