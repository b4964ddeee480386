export { createInvitations } from './service/look-up.ts'
