export { auditLog } from './service.ts'
