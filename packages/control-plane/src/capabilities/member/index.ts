export {
  countAdmins,
  countMembers,
  findMembership,
  findUserById,
  findUserByIdentity,
  insertMembership,
  insertPendingOwner,
  insertUser,
  listUsersByEmail,
  memberSource,
} from './repository.ts'
export { claimOwnership } from './service.ts'
