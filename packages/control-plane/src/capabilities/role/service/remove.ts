import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import { roleErrors } from '../contract.ts'
import { copyAssignments, countHolders, deleteAssignments, deleteRole } from '../repository.ts'
import { getRole, refuseComposing, refuseEditing } from './composition.ts'
import { composed, describe, forgetAccess, forgetCount } from './describe.ts'
import { beginChange } from './standing.ts'

/** Throws `role.not_found`, `role.assigned`, `request.invalid` or `auth.permission_denied`. */
export async function remove(
  ctx: TenantContext,
  { roleId, reassignTo }: { roleId: string; reassignTo?: string | undefined },
) {
  const standing = await beginChange(ctx, 'roles:manage')
  const role = describe(await getRole(ctx, roleId))
  const holders = (await countHolders(ctx.em, [roleId])).get(roleId) ?? 0
  if (holders > 0 && reassignTo === undefined) throw roleErrors.assigned({ used: holders })
  await refuseEditing(ctx, standing, role)
  const successor = reassignTo === undefined || reassignTo === 'none' ? null : await getSuccessor(ctx, role, reassignTo)
  if (successor !== null) refuseComposing(ctx, standing, successor)

  if (successor !== null) await copyAssignments(ctx.em, { from: roleId, to: successor.id, assignedAt: ctx.clock.now() })
  await deleteAssignments(ctx.em, { roleId })
  await deleteRole(ctx.em, roleId)
  ctx.record('role.deleted', {
    target: { type: 'role', id: roleId },
    changes: Object.fromEntries(composed.map((field) => [field, { before: role[field], after: null }])),
    details: { reassignedTo: successor?.id ?? null, holders },
  })
  forgetAccess(ctx)
  forgetCount(ctx)
  return { id: roleId, reassignedCount: successor === null ? 0 : holders, holderCount: holders }
}

async function getSuccessor(ctx: TenantContext, role: { id: string }, successorId: string) {
  if (successorId === role.id) {
    const issues = [{ path: 'reassignTo', message: 'Expected another role than the one that is deleted.' }]
    throw requestErrors.invalid({ issues })
  }
  return describe(await getRole(ctx, successorId))
}
