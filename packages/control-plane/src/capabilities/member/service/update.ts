import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { type BaseRole, refuseGrantBeyond, roleScopes } from '../../access/index.ts'
import { requireRoom } from '../../limit/index.ts'
import { countAdmins, updateRole } from '../repository.ts'
import { isSeniorRole } from '../rules/senior-role.ts'
import { recordChange, tellChanges } from './changed.ts'
import { describe, findMember, findOwnMember } from './describe.ts'
import { beginChange, refuseChanging, refuseLastOwner } from './standing.ts'

/** Throws `member.not_found`, `member.inherited`, `member.last_owner`, `auth.permission_denied`, `usage.limit_exceeded`. */
export async function update(ctx: TenantContext, { userId, role }: { userId: string; role: BaseRole }) {
  const standing = await beginChange(ctx, 'members:manage')
  const member = await findOwnMember(ctx, userId)
  await refuseChanging(ctx, standing, member)
  refuseGrantBeyond(standing, roleScopes[role])
  if (member.directRole === role) return describe(member)
  await refuseLastOwner(ctx, member)
  if (isSeniorRole(role) && !isSeniorRole(member.directRole))
    await requireRoom(ctx, 'admins', { count: () => countAdmins(ctx.em) })

  await updateRole(ctx.em, userId, role)
  const change = { userId, before: member.directRole, after: role }
  recordChange(ctx, 'member.role_changed', change)
  await tellChanges(ctx, [change])
  return describe(await findMember(ctx, userId))
}
