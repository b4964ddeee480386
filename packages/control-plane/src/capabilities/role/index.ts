export { roleErrors } from './contract.ts'
export { listRoleScopes, lockMembers, roleSource } from './repository.ts'
export { assignRoles, findKnownRoles } from './service/assignments.ts'
export { grantOf } from './service/composition.ts'
export {
  beginChange,
  findStandings,
  type Standing,
  standingNow,
  standingOf,
  standingOfKey,
} from './service/standing.ts'
