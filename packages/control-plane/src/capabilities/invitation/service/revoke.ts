import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { refuseGrantBeyond, roleScopes } from '../../access/index.ts'
import { closeInvitation } from '../repository.ts'
import { getPending } from './pending.ts'

/** Throws `invitation.not_found`, `invitation.not_pending`, and `auth.permission_denied` for more than the caller holds. */
export async function revoke(ctx: TenantContext, { invitationId: id }: { invitationId: string }) {
  const { email, role } = await getPending(ctx, id)
  refuseGrantBeyond(ctx.access, roleScopes[role])
  const revokedAt = ctx.clock.now()
  await closeInvitation(ctx.em, id, { state: 'revoked', revokedAt })
  ctx.record('invitation.revoked', {
    target: { type: 'invitation', id },
    changes: { state: { before: 'pending', after: 'revoked' } },
    details: { email },
  })
  return { id, revokedAt }
}
