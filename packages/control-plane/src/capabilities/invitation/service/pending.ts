import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { invitationErrors } from '../contract.ts'
import { findInvitationForUpdate, type InvitationRow } from '../repository.ts'

/** Locked, and also where it has run out. Throws `invitation.not_found`, `invitation.not_pending`. */
export async function getPending(ctx: TenantContext, id: string): Promise<InvitationRow> {
  const row = await findInvitationForUpdate(ctx.em, id)
  if (!row) throw invitationErrors.not_found()
  if (row.state === 'pending') return row
  const state: keyof typeof notPending = row.state
  throw invitationErrors.not_pending({ state }, notPending[state])
}

const notPending = {
  accepted: 'This invitation was accepted.',
  revoked: 'This invitation was revoked.',
  expired: 'This invitation has expired, and another one took its place.',
}
