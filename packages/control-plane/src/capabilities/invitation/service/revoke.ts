import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { beginChange } from '../../role/index.ts'
import { closeInvitation } from '../repository.ts'
import { refuseGiving } from './giving.ts'
import { getPending } from './pending.ts'

/** Throws `invitation.not_found`, `invitation.not_pending`, and `auth.permission_denied` for more than the caller holds. */
export async function revoke(ctx: TenantContext, { invitationId: id }: { invitationId: string }) {
  const standing = await beginChange(ctx, 'members:manage')
  const row = await getPending(ctx, id)
  await refuseGiving(ctx, standing, row)
  const revokedAt = ctx.clock.now()
  await closeInvitation(ctx.em, id, { state: 'revoked', revokedAt })
  ctx.record('invitation.revoked', {
    target: { type: 'invitation', id },
    changes: { state: { before: 'pending', after: 'revoked' } },
  })
  return { id, revokedAt }
}
