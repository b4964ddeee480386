import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { rateLimitErrors } from '@tenantry/kernel/contract/errors'
import type { AppError } from '@tenantry/kernel/errors/app-error'
import { countMails } from '../../mail/index.ts'
import { invitationErrors } from '../contract.ts'
import { countPending, type InvitationRow } from '../repository.ts'

const hour = 3_600_000
const day = 24 * hour

/** One full batch an hour and some more: strangers get mail in our name, whoever pays for the tenant. */
const mailsPerHour = 250
/** Of one tenant: an invitation, and what a lost mail or two take. */
const mailsPerRecipientAndDay = 5
const mostPending = 500
const resendPauseMilliseconds = 60_000

/**
 * To be asked under the lock of a change. Answers why an address gets no more mail today, null where it does. Throws
 * `rate_limit.exceeded` where the tenant has no room for that many mails.
 */
export async function requireMailRoom(
  ctx: TenantContext,
  recipients: readonly string[],
): Promise<(recipient: string) => AppError | null> {
  const now = ctx.clock.now()
  const [lastHour, lastDay] = [new Date(now.getTime() - hour), new Date(now.getTime() - day)]
  const { sent, oldest, byRecipient } = await countMails(ctx.em, { recipients, lastHour, lastDay })
  if (recipients.length > 0 && sent + recipients.length > mailsPerHour) {
    const message = `A tenant sends at most ${mailsPerHour} mails an hour: ${Math.max(0, mailsPerHour - sent)} more now.`
    throw exceeded(now, { limit: mailsPerHour, until: (oldest ?? now).getTime() + hour, message })
  }
  return (recipient) => {
    const had = byRecipient.get(recipient)
    if (!had || had.sent < mailsPerRecipientAndDay) return null
    const message = `This address had ${had.sent} mails of this tenant within a day.`
    return exceeded(now, { limit: mailsPerRecipientAndDay, until: had.oldest.getTime() + day, message })
  }
}

/** Throws `invitation.too_many_pending`. */
export async function requirePendingRoom(ctx: TenantContext, adding: number): Promise<void> {
  const used = await countPending(ctx.em, ctx.clock.now())
  if (used + adding > mostPending) throw invitationErrors.too_many_pending({ limit: mostPending, used })
}

/** The first one may follow at once. Throws `rate_limit.exceeded`. */
export function requirePause({ clock }: TenantContext, { sends, sentAt }: InvitationRow): void {
  const now = clock.now()
  const until = sentAt.getTime() + resendPauseMilliseconds
  if (sends > 1 && until > now.getTime())
    throw exceeded(now, { limit: 1, until, message: 'This invitation was sent again just now.' })
}

const exceeded = (now: Date, { limit, until, message }: { limit: number; until: number; message: string }) =>
  rateLimitErrors.exceeded(
    { limit, retryAfterSeconds: Math.max(1, Math.ceil((until - now.getTime()) / 1_000)) },
    message,
  )
