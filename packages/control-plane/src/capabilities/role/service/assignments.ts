import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { refuseManaging } from '../../access/index.ts'
import { roleErrors } from '../contract.ts'
import { deleteAssignments, findRoles, insertAssignments, listAssignedRoles, lockRoles } from '../repository.ts'
import { getRole, refuseComposing, scopesOfMember } from './composition.ts'
import { describe, forgetAccess } from './describe.ts'

type Assignment = { userId: string; roleId: string }

/** Throws `role.not_found`, `role.no_member` or `auth.permission_denied`. */
export async function add(ctx: TenantContext, { userId, roleId }: Assignment) {
  await refuseRolesBeyond(ctx, [roleId])
  const { name } = await getRole(ctx, roleId)
  refuseManaging(ctx.access, await scopesOfMember(ctx, userId))
  await assignRoles(ctx, userId, [roleId])
  return { userId, roleId, name }
}

/** Throws `role.not_found`, `role.no_member` or `auth.permission_denied`. */
export async function remove(ctx: TenantContext, { userId, roleId }: Assignment) {
  await lockRoles(ctx.em, ctx.tenant.id)
  const { name } = await getRole(ctx, roleId)
  refuseManaging(ctx.access, await scopesOfMember(ctx, userId))
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
 * To be asked by whoever gives out roles: nobody grants what they do not hold. The roles stay as they are until the
 * transaction ends. Throws `role.not_found` or `auth.permission_denied`.
 */
export async function refuseRolesBeyond(ctx: TenantContext, roleIds: readonly string[]): Promise<void> {
  await lockRoles(ctx.em, ctx.tenant.id)
  for (const role of await getRoles(ctx, roleIds)) refuseComposing(ctx, describe(role))
}

/**
 * Gives a member roles besides those they have; that the caller may is to be asked before, by `refuseRolesBeyond` and
 * `refuseManaging`. Throws `role.not_found`.
 */
export async function assignRoles(ctx: TenantContext, userId: string, roleIds: readonly string[]): Promise<void> {
  await lockRoles(ctx.em, ctx.tenant.id)
  const held = new Set((await listAssignedRoles(ctx.em, userId)).map(({ id }) => id))
  const added = (await getRoles(ctx, roleIds)).filter(({ id }) => !held.has(id))
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

async function getRoles(ctx: TenantContext, roleIds: readonly string[]) {
  const wanted = [...new Set(roleIds)]
  const found = await findRoles(ctx.em, wanted)
  if (found.length < wanted.length) throw roleErrors.not_found()
  return found
}
