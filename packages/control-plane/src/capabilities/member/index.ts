export { memberErrors } from './contract.ts'
export { userStates } from './entity.ts'
export {
  type Acquaintance,
  countMembers,
  findAcquaintancesBy,
  findMembers,
  findMembership,
  findReader,
  findUserById,
  findUserByIdentity,
  insertMembership,
  insertPendingOwner,
  insertUser,
  listStewards,
  type MemberRow,
  memberSource,
  type Steward,
} from './repository.ts'
export { addMember, type NewMember } from './service/add.ts'
export { forgetMembers, tellChanges } from './service/changed.ts'
export { claimOwnership } from './service/claim-ownership.ts'
export { refuseLastOwner } from './service/standing.ts'
