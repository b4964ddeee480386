import type { TenantContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import { beginChange } from '../../role/index.ts'
import type { resendInvitation as resendOperation } from '../contract.ts'
import { replaceToken } from '../repository.ts'
import { digestOf, makeToken } from '../rules/token.ts'
import { describe } from './describe.ts'
import { refuseGiving } from './giving.ts'
import { requireMailRoom, requirePause } from './mail-room.ts'
import { getPending } from './pending.ts'
import { inviterOf, mailInvitations } from './send.ts'

/** Throws `invitation.not_found`, `invitation.not_pending`, `auth.permission_denied` for more than the caller holds, and `rate_limit.exceeded`. */
export async function resend(
  ctx: TenantContext,
  { invitationId, expiresInSeconds }: z.output<typeof resendOperation.input>,
) {
  const standing = await beginChange(ctx, 'members:manage')
  const row = await getPending(ctx, invitationId)
  await refuseGiving(ctx, standing, row)
  requirePause(ctx, row)
  const refusal = (await requireMailRoom(ctx, [row.email]))(row.email)
  if (refusal) throw refusal
  const sentAt = ctx.clock.now()
  const expiresAt = new Date(sentAt.getTime() + expiresInSeconds * 1_000)
  const sent = { ...row, ...(await inviterOf(ctx)), sends: row.sends + 1, sentAt, expiresAt }
  const token = makeToken()
  await replaceToken(ctx.em, sent, digestOf(token))
  await mailInvitations(ctx, [{ row: sent, token }])
  ctx.record('invitation.resent', {
    target: { type: 'invitation', id: row.id },
    changes: {
      expiresAt: { before: row.expiresAt, after: expiresAt },
      invitedBy: { before: row.invitedById, after: sent.invitedById },
    },
  })
  return describe(sent, sentAt)
}
