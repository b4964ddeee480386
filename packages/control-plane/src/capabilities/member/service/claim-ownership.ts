import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { lockMembers } from '../../role/index.ts'
import { findMembership, removePendingOwner } from '../repository.ts'
import { addMember } from './add.ts'
import { changeRole } from './update.ts'

/**
 * Makes who was named as owner before they were known one, once; `email` is verified and in small letters. Throws
 * `usage.limit_exceeded`, and then they are still expected.
 */
export async function claimOwnership(
  ctx: TenantContext,
  { userId, email }: { userId: string; email: string },
): Promise<void> {
  await lockMembers(ctx.em, [ctx.tenant.id])
  if (!(await removePendingOwner(ctx.em, email))) return
  const known = await findMembership(ctx.em, userId)
  if (!known) await addMember(ctx, { userId, role: 'owner', action: 'member.joined' })
  else if (known.role !== 'owner') await changeRole(ctx, { userId, before: known.role, after: 'owner' })
}
