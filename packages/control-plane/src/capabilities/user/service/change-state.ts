import type { PlatformContext } from '@tenantry/kernel/context/request-context'
import { userErrors } from '../contract.ts'
import { findUserForUpdate, type UserRow, updateState } from '../repository/users.ts'
import { withState } from './describe.ts'

interface Change {
  userId: string
  reason: string
}

/** Throws `user.not_found`, `user.erased`, and `user.oneself`. */
export const deactivate = (ctx: PlatformContext, change: Change) =>
  changeState(ctx, change, { state: 'deactivated', action: 'user.deactivated' })

/** Throws as `deactivate` does. */
export const reactivate = (ctx: PlatformContext, change: Change) =>
  changeState(ctx, change, { state: 'active', action: 'user.reactivated' })

async function changeState(
  ctx: PlatformContext,
  { userId, reason }: Change,
  { state, action }: { state: 'active' | 'deactivated'; action: string },
) {
  const row = await getForChange(ctx, userId)
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
  ctx.record(action, { target: { type: 'user', id: userId }, changes, details: { reason } })
  ctx.afterCommit(() => ctx.services.forgetUser(userId))
  return withState(changed)
}

/** Throws `user.not_found`, and `user.oneself`: whoever locked themselves out could not undo it. */
export async function getForChange({ em, actor }: PlatformContext, userId: string): Promise<UserRow> {
  if ('id' in actor && actor.id === userId) throw userErrors.oneself()
  const row = await findUserForUpdate(em, userId)
  if (!row) throw userErrors.not_found()
  return row
}
