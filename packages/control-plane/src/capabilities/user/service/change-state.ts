import type { PlatformContext } from '@tenantry/kernel/context/request-context'
import { lockMembers } from '../../role/index.ts'
import { userErrors } from '../contract.ts'
import { listLeftWithoutOwner } from '../repository/erasure.ts'
import { findUserForUpdate, listMemberTenantIds, type UserRow, updateState } from '../repository/users.ts'
import { withState } from './describe.ts'

interface Change {
  userId: string
  reason: string
}

/** Also the last owner of a tenant, which is told of. Throws `user.not_found`, `user.erased`, and `user.oneself`. */
export async function deactivate(ctx: PlatformContext, change: Change) {
  const row = await getForChange(ctx, change.userId)
  const tenantIds = await listMemberTenantIds(ctx.em, change.userId)
  // Of two owners of whom one leaves while the other is deactivated, one comes first.
  await lockMembers(ctx.em, tenantIds)
  const soleOwnerOf = await listLeftWithoutOwner(
    ctx.em,
    { id: row.id, addresses: [row.email.toLowerCase()] },
    tenantIds,
  )
  const details = soleOwnerOf.length === 0 ? {} : { soleOwnerOf }
  const changed = changeState(ctx, row, { ...change, state: 'deactivated', action: 'user.deactivated', details })
  return { ...(await changed), soleOwnerOf }
}

/** Throws as `deactivate` does. */
export async function reactivate(ctx: PlatformContext, change: Change) {
  const row = await getForChange(ctx, change.userId)
  return changeState(ctx, row, { ...change, state: 'active', action: 'user.reactivated' })
}

interface NewState extends Change {
  state: 'active' | 'deactivated'
  action: string
  details?: Record<string, unknown>
}

async function changeState(
  ctx: PlatformContext,
  row: UserRow,
  { userId, reason, state, action, details = {} }: NewState,
) {
  if (row.state === 'erased') throw userErrors.erased()
  if (row.state === state) return withState(row)
  const changed = {
    ...row,
    state,
    stateReason: state === 'active' ? null : reason,
    stateChangedAt: ctx.clock.now(),
  }
  await updateState(ctx.em, changed)
  const changes = { state: { before: row.state, after: state } }
  ctx.record(action, { target: { type: 'user', id: userId }, changes, details: { reason, ...details } })
  ctx.afterCommit(() => ctx.services.forgetUser(userId))
  return withState(changed)
}

/** Throws `user.not_found`, and `user.oneself`: whoever locked themselves out could not undo it. */
export async function getForChange(
  { em, actor }: PlatformContext,
  userId: string,
  how: { toErase?: boolean } = {},
): Promise<UserRow> {
  if ('id' in actor && actor.id === userId) throw userErrors.oneself()
  const row = await findUserForUpdate(em, userId, how)
  if (!row) throw userErrors.not_found()
  return row
}
