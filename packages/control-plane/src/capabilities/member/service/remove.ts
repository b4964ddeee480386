import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { authErrors } from '@tenantry/kernel/contract/errors'
import { beginChange } from '../../role/index.ts'
import { recordChange, tellChanges } from './changed.ts'
import { findOwnMember } from './describe.ts'
import { endMemberships } from './ending.ts'
import { refuseChanging, refuseLastOwner } from './standing.ts'

/** Throws `member.not_found`, `member.inherited`, `member.last_owner` and `auth.permission_denied`. */
export async function remove(ctx: TenantContext, { userId }: { userId: string }) {
  const standing = await beginChange(ctx, 'members:manage')
  const member = await findOwnMember(ctx, userId)
  await refuseChanging(ctx, standing, member)
  return end(ctx, member, 'member.removed')
}

/** Throws `member.not_found`, `member.inherited`, `member.last_owner`, and `auth.permission_denied` for who is no person. */
export async function leave(ctx: TenantContext) {
  const { actor } = ctx
  if (actor.type !== 'user' && actor.type !== 'platformAdmin')
    throw authErrors.permission_denied({}, 'Only a signed-in user leaves a tenant.')
  await beginChange(ctx, null)
  return end(ctx, await findOwnMember(ctx, actor.id), 'member.left')
}

async function end(
  ctx: TenantContext,
  member: Awaited<ReturnType<typeof findOwnMember>>,
  action: 'member.removed' | 'member.left',
) {
  const { userId, directRole } = member
  await refuseLastOwner(ctx, member)
  const { taken, revokedKeyCount } = (await endMemberships(ctx, [userId]))(userId)
  const change = { userId, before: directRole, after: null, taken }
  recordChange(ctx, action, change)
  await tellChanges(ctx, [change])
  return { userId, removedAt: ctx.clock.now(), revokedKeyCount }
}
