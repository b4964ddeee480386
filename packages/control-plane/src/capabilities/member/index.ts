export { countMembers, countSeats, findUserByIdentity, insertMembership, insertUser } from './repository.ts'
