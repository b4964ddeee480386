export { roleErrors } from './contract.ts'
export { roleSource } from './repository.ts'
export { assignRoles, refuseRolesBeyond } from './service/assignments.ts'
export { scopesOfMember } from './service/composition.ts'
