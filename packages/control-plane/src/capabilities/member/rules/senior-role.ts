import type { BaseRole } from '../../access/index.ts'

/** Counts as an admin of the tenant, and is inherited by the tenants below. */
export const isSeniorRole = (role: BaseRole): boolean => role === 'owner' || role === 'admin'
