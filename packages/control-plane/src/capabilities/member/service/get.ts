import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { describe, findMember } from './describe.ts'

/** Throws `member.not_found`. */
export async function get(ctx: TenantContext, { userId }: { userId: string }) {
  return describe(await findMember(ctx, userId))
}
