import type { TenantContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import { type BaseRole, baseGrant, isSeniorRole, refuseGranting } from '../../access/index.ts'
import { requireRoom } from '../../metering/index.ts'
import { beginChange, lockMembers, standingOf } from '../../role/index.ts'
import { type addMember as addOperation, memberErrors } from '../contract.ts'
import { findAcquaintances, findMembers, insertMember } from '../repository.ts'
import { recordChange, tellChanges } from './changed.ts'
import { getDescribed } from './describe.ts'
import { refuseDeactivated } from './standing.ts'

type AddInput = Omit<z.output<typeof addOperation.input>, 'tenantId'>

/**
 * Throws `member.unknown_user`, `auth.permission_denied`, and what `addMember` throws.
 */
export async function add(ctx: TenantContext, { userId, email, role }: AddInput) {
  refuseGranting(await beginChange(ctx, 'members:manage'), baseGrant(role, ctx.services.scopes))
  const [named, ...others] = await findAcquaintances(ctx.em, { userId, email })
  if (!named || others.length > 0) throw memberErrors.unknown_user()
  await addMember(ctx, { userId: named.userId, role })
  return getDescribed(ctx, named.userId)
}

export interface NewMember {
  userId: string
  role: BaseRole
  /** How it came about, in the audit log. */
  action?: 'member.added' | 'member.joined'
}

/**
 * The one way to become a member, for whoever has made sure that the role may be given. Answers since when. Throws `member.already_member`, `member.unknown_user`,
 * `member.deactivated` and `usage.limit_exceeded`.
 */
export async function addMember(
  ctx: TenantContext,
  { userId, role, action = 'member.added' }: NewMember,
): Promise<Date> {
  await lockMembers(ctx.em, [ctx.tenant.id])
  const [known] = await findMembers(ctx.em, [userId])
  if (known && known.directRole !== null) throw memberErrors.already_member()
  if (isSeniorRole(role)) await requireRoom(ctx, 'admins')
  await requireRoom(ctx, 'users')
  const joinedAt = ctx.clock.now()
  await insertMember(ctx.em, { userId, role, joinedAt })
  // Asked afterwards: an erasure that was under way has ended by now.
  refuseDeactivated(await standingOf(ctx, userId))
  const change = { userId, before: null, after: role }
  recordChange(ctx, action, change)
  await tellChanges(ctx, [change])
  return joinedAt
}
