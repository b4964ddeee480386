import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { type BaseRole, baseGrant, isSeniorRole, refuseGranting } from '../../access/index.ts'
import { requireRoom } from '../../metering/index.ts'
import { beginChange } from '../../role/index.ts'
import { updateRole } from '../repository.ts'
import { recordChange, tellChanges } from './changed.ts'
import { findOwnMember, getDescribed } from './describe.ts'
import { refuseChanging, refuseLastOwner } from './standing.ts'

/** Throws `member.not_found`, `member.inherited`, `member.last_owner`, `auth.permission_denied`, `usage.limit_exceeded`. */
export async function update(ctx: TenantContext, { userId, role }: { userId: string; role: BaseRole }) {
  const standing = await beginChange(ctx, 'members:manage')
  const member = await findOwnMember(ctx, userId)
  await refuseChanging(ctx, standing, member)
  refuseGranting(standing, baseGrant(role, ctx.services.scopes))
  if (member.directRole === role) return getDescribed(ctx, userId)
  await refuseLastOwner(ctx, member)
  await changeRole(ctx, { userId, before: member.directRole, after: role })
  return getDescribed(ctx, userId)
}

/** For whoever has made sure that the role may be given. Throws `usage.limit_exceeded`. */
export async function changeRole(ctx: TenantContext, change: { userId: string; before: BaseRole; after: BaseRole }) {
  const { userId, before, after } = change
  if (isSeniorRole(after) && !isSeniorRole(before)) await requireRoom(ctx, 'admins')
  await updateRole(ctx.em, userId, after)
  recordChange(ctx, 'member.role_changed', change)
  await tellChanges(ctx, [change])
}
