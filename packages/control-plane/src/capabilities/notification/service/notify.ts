import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { type Message, queueMails } from '../../mail/index.ts'
import { listStewards } from '../../member/index.ts'
import { getEffectiveSettings } from '../../settings/index.ts'
import { endOfQuietHours } from '../rules/quiet-hours.ts'

type NotificationSettings = Awaited<ReturnType<typeof getEffectiveSettings>>['notifications']

export interface Notice {
  /** The tenant's switch for it, under `notifications.email`. */
  event: keyof NotificationSettings['email']
  /** It does not wait for the end of quiet hours. */
  isCritical: boolean
  /** A later one about the same takes the place of those that still wait. */
  about?: string
  message: Message
}

/**
 * Tells the tenant's owners and admins by every channel that its settings leave on; sent once this transaction has
 * committed. Needs a unit of work on the operators' connection.
 */
export async function notify(ctx: TenantContext, notices: readonly Notice[]): Promise<void> {
  if (notices.length === 0) return
  const { notifications } = await getEffectiveSettings(ctx)
  await notifyByMail(ctx, notices, notifications)
}

async function notifyByMail(
  ctx: TenantContext,
  notices: readonly Notice[],
  { emailEnabled, email, quietHours }: NotificationSettings,
): Promise<void> {
  const wanted = notices.filter(({ event }) => emailEnabled && email[event])
  if (wanted.length === 0) return
  const stewards = await listStewards(ctx.em)
  // Who has two accounts gets one mail.
  const recipients = new Map(stewards.map(({ userId, email: address }) => [address, userId]))
  const quietUntil = endOfQuietHours(ctx.clock.now(), quietHours)
  const mails = wanted.flatMap(({ isCritical, about = null, message }) =>
    [...recipients].map(([recipient, recipientId]) => ({
      ...message,
      recipient,
      recipientId,
      about,
      notBefore: isCritical ? null : quietUntil,
    })),
  )
  await queueMails(ctx, mails)
}
