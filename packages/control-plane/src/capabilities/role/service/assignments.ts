import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { roleErrors } from '../contract.ts'
import type { CustomRole } from '../entity.ts'
import { deleteAssignments, findRoles, insertAssignments, listAssignedRoles } from '../repository.ts'
import { getRole, refuseChanging, refuseComposing } from './composition.ts'
import { describe, forgetAccess } from './describe.ts'
import { beginChange } from './standing.ts'

type Assignment = { userId: string; roleId: string }

/** Throws `role.not_found`, `role.no_member` or `auth.permission_denied`. */
export async function add(ctx: TenantContext, { userId, roleId }: Assignment) {
  const standing = await beginChange(ctx, 'roles:manage')
  const role = await getRole(ctx, roleId)
  refuseComposing(ctx, standing, describe(role))
  await refuseChanging(ctx, standing, userId)
  await assignRoles(ctx, userId, [role])
  return { userId, roleId, name: role.name }
}

/** Throws `role.not_found`, `role.no_member` or `auth.permission_denied`. */
export async function remove(ctx: TenantContext, { userId, roleId }: Assignment) {
  const standing = await beginChange(ctx, 'roles:manage')
  const { name } = await getRole(ctx, roleId)
  await refuseChanging(ctx, standing, userId)
  if ((await deleteAssignments(ctx.em, { userId, roleId })) === 0)
    throw roleErrors.not_found({}, 'The member does not hold this role.')
  ctx.record('role.unassigned', {
    target: { type: 'user', id: userId },
    changes: { [`roles.${roleId}`]: { before: name, after: null } },
  })
  forgetAccess(ctx)
  return { userId, roleId, name }
}

/**
 * Gives a member of the tenant roles of it besides those they have, under the lock of a change. That the caller may is to
 * be asked before, of what `grantOf` each says.
 */
export async function assignRoles(ctx: TenantContext, userId: string, roles: readonly CustomRole[]): Promise<void> {
  const held = new Set((await listAssignedRoles(ctx.em, userId)).map(({ id }) => id))
  const added = roles.filter(({ id }) => !held.has(id))
  if (added.length === 0) return
  const assignedAt = ctx.clock.now()
  await insertAssignments(
    ctx.em,
    added.map(({ id }) => ({ userId, roleId: id, assignedAt })),
  )
  ctx.record('role.assigned', {
    target: { type: 'user', id: userId },
    changes: Object.fromEntries(added.map(({ id, name }) => [`roles.${id}`, { before: null, after: name }])),
  })
  forgetAccess(ctx)
}

/** Those of the roles that there are. To be asked under the lock of a change. */
export const findKnownRoles = (ctx: TenantContext, roleIds: readonly string[]): Promise<CustomRole[]> =>
  roleIds.length === 0 ? Promise.resolve([]) : findRoles(ctx.em, [...new Set(roleIds)])
