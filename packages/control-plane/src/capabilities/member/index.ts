export { countMembers, findUserByIdentity, insertMembership, insertUser, memberSource } from './repository.ts'
