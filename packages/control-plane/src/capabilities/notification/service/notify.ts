import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { type Message, queueMails } from '../../mail/index.ts'
import { findReader, listStewards, type Steward } from '../../member/index.ts'
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
  /** A user who is told besides, as long as they reach the tenant: whom it is about. */
  besides?: string | null
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
  const quietUntil = endOfQuietHours(ctx.clock.now(), quietHours)
  const mails = []
  for (const { isCritical, about = null, besides = null, message } of wanted) {
    const notBefore = isCritical ? null : quietUntil
    const recipients = await recipientsOf(ctx, stewards, besides)
    mails.push(...recipients.map((recipient) => ({ ...message, ...recipient, about, notBefore })))
  }
  await queueMails(ctx, mails)
}

type Told = Steward & { kind: 'steward' | 'member' }

/** Who has two accounts gets one mail. */
async function recipientsOf({ em }: TenantContext, stewards: readonly Steward[], besides: string | null) {
  const reader = besides === null ? null : await findReader(em, besides)
  const all = new Map<string, Told>(stewards.map((steward) => [steward.email, { ...steward, kind: 'steward' }]))
  if (reader) all.set(reader.email, { ...reader, kind: 'member' })
  return [...all.values()].map(({ email, userId, kind }) => ({
    recipient: email,
    recipientId: userId,
    recipientKind: kind,
  }))
}
