export {
  countAdmins,
  countMembers,
  findMembership,
  findUserById,
  findUserByIdentity,
  insertMembership,
  insertPendingOwner,
  insertUser,
  memberSource,
} from './repository.ts'
export { claimOwnership } from './service.ts'
