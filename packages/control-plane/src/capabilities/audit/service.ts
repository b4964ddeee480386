import type { AuditLog } from '@tenantry/kernel/context/dependencies'
import { insertEntries, insertPlatformEntries } from './repository.ts'

/** Entries land in the transaction they are given, so that there is none without its change and no change without one. */
export const auditLog: AuditLog = { append: insertEntries, appendPlatform: insertPlatformEntries }
