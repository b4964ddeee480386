import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import type { z } from 'zod'
import { type BaseRole, baseGrant, isSeniorRole, refuseGranting } from '../../access/index.ts'
import { requireRoom } from '../../limit/index.ts'
import { beginChange, lockMembers } from '../../role/index.ts'
import { type addMember as addOperation, memberErrors } from '../contract.ts'
import { countAdmins, countMembers, findAcquaintance, findMembers, insertMember } from '../repository.ts'
import { recordChange, tellChanges } from './changed.ts'
import { getDescribed } from './describe.ts'

type AddInput = Omit<z.output<typeof addOperation.input>, 'tenantId'>

/**
 * Throws `request.invalid` unless one user is named, `auth.permission_denied`, and what `addMember` throws.
 */
export async function add(ctx: TenantContext, { userId, email, role }: AddInput) {
  if ((userId === undefined) === (email === undefined)) {
    const message = 'Expected either userId or email.'
    throw requestErrors.invalid({ issues: [{ path: userId === undefined ? 'userId' : 'email', message }] })
  }
  refuseGranting(await beginChange(ctx, 'members:manage'), baseGrant(role, ctx.services.scopes))
  const named = userId ?? (await findAcquaintance(ctx.em, email ?? ''))
  if (named === null) throw memberErrors.unknown_user()
  await addMember(ctx, { userId: named, role })
  return getDescribed(ctx, named)
}

export interface NewMember {
  userId: string
  role: BaseRole
  /** How it came about, in the audit log. */
  action?: 'member.added' | 'member.joined'
}

/**
 * The one way to become a member, for whoever has made sure that the role may be given. Answers since when. Throws `member.already_member`, `member.unknown_user` and
 * `usage.limit_exceeded`.
 */
export async function addMember(
  ctx: TenantContext,
  { userId, role, action = 'member.added' }: NewMember,
): Promise<Date> {
  await lockMembers(ctx.em, [ctx.tenant.id])
  const [known] = await findMembers(ctx.em, [userId])
  if (known && known.directRole !== null) throw memberErrors.already_member()
  if (isSeniorRole(role)) await requireRoom(ctx, 'admins', { count: () => countAdmins(ctx.em) })
  await requireRoom(ctx, 'users', { count: () => countMembers(ctx.em) })
  const joinedAt = ctx.clock.now()
  await insertMember(ctx.em, { userId, role, joinedAt })
  const change = { userId, before: null, after: role }
  recordChange(ctx, action, change)
  await tellChanges(ctx, [change])
  return joinedAt
}
