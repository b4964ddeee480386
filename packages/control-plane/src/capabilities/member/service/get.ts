import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { getDescribed } from './describe.ts'

/** Throws `member.not_found`. */
export const get = (ctx: TenantContext, { userId }: { userId: string }) => getDescribed(ctx, userId)
