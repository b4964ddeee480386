import type { EntityManager } from '@mikro-orm/postgresql'
import { Mail } from './entity.ts'

export type { Mail } from './entity.ts'

type NewMail = Pick<
  Mail,
  'id' | 'recipient' | 'recipientId' | 'recipientKind' | 'about' | 'subject' | 'text' | 'html'
> &
  Pick<Mail, 'sealed' | 'senderId' | 'createdAt' | 'nextAttemptAt'>

/** In one statement. */
export async function insertMails(em: EntityManager, mails: readonly NewMail[]): Promise<void> {
  for (const mail of mails) em.persist(em.create(Mail, mail))
  await em.flush()
}

/** Gives up what was not sent yet about any of these. Needs the operators' connection. */
export async function supersedeMails(em: EntityManager, tenantId: string, about: readonly string[]): Promise<void> {
  await em.nativeUpdate(
    Mail,
    { tenantId, about: { $in: [...about] }, sentAt: null, nextAttemptAt: { $ne: null } },
    { nextAttemptAt: null, lastError: 'A later one tells of it.', sealed: null },
  )
}

export interface CountedMails {
  sent: number
  oldest: Date | null
  byRecipient: Map<string, { sent: number; oldest: Date }>
}

/**
 * Of the tenant of the unit of work, but for those to its own owners and admins: all since one time, and to each of the
 * recipients since another one.
 */
export async function countMails(
  em: EntityManager,
  { recipients, lastHour, lastDay }: { recipients: readonly string[]; lastHour: Date; lastDay: Date },
): Promise<CountedMails> {
  const rows = await em.execute<{ recipient: string | null; sent: string; oldest: string | null }[]>(
    /* sql */ `select null as recipient, count(*) as sent, min(created_at) as oldest from tenantry.mails
        where tenant_id = (select tenancy.current_tenant()) and created_at > ? and recipient_id is null
      union all
      select recipient, count(*), min(created_at) from tenantry.mails
       where tenant_id = (select tenancy.current_tenant()) and created_at > ? and recipient_id is null
         and recipient in (select jsonb_array_elements_text(?::jsonb))
       group by recipient`,
    [lastHour, lastDay, JSON.stringify(recipients)],
  )
  const all = rows.find(({ recipient }) => recipient === null)
  const byRecipient = rows.flatMap(({ recipient, sent, oldest }) =>
    recipient === null || oldest === null
      ? []
      : [[recipient, { sent: Number(sent), oldest: new Date(oldest) }] as const],
  )
  return {
    sent: Number(all?.sent ?? 0),
    oldest: all?.oldest ? new Date(all.oldest) : null,
    byRecipient: new Map(byRecipient),
  }
}

/**
 * Those whose time has come, the oldest first; those of tenants that do not act wait. Needs a platform unit of work, as do
 * the next.
 */
export async function listDueMails(em: EntityManager, now: Date, limit: number): Promise<Mail[]> {
  const rows = await em.execute<Record<string, unknown>[]>(
    /* sql */ `select m.* from tenantry.mails m join tenantry.tenants t on t.id = m.tenant_id
      where m.sent_at is null and m.next_attempt_at <= ? and t.status = 'active'
        and not exists (select from tenantry.tenants above where above.id = any (t.path) and above.status <> 'active')
      order by m.next_attempt_at limit ?`,
    [now, limit],
  )
  return rows.map((row) => em.map(Mail, row))
}

/** Longer than any try takes: who has not told its outcome by then never will. */
const leaseMilliseconds = 10 * 60_000

/** Takes a mail for one try; false where another process has taken it, or it was given up. */
export async function claimMail(em: EntityManager, mail: Mail, now: Date): Promise<boolean> {
  const taken = await em.nativeUpdate(
    Mail,
    { tenantId: mail.tenantId, id: mail.id, attempts: mail.attempts, sentAt: null, nextAttemptAt: { $ne: null } },
    { attempts: mail.attempts + 1, nextAttemptAt: new Date(now.getTime() + leaseMilliseconds) },
  )
  return taken > 0
}

/** One that was given up meanwhile stays so, unless it was sent. */
export async function markMail(
  em: EntityManager,
  { tenantId, id }: Pick<Mail, 'tenantId' | 'id'>,
  outcome: Partial<Pick<Mail, 'recipient' | 'sentAt' | 'nextAttemptAt' | 'lastError' | 'sealed'>>,
): Promise<void> {
  const open = outcome.sentAt ? {} : { nextAttemptAt: { $ne: null } }
  await em.nativeUpdate(Mail, { tenantId, id, ...open }, outcome)
}

/** The newest first. */
export async function listMailsTo(em: EntityManager, recipient: string | undefined, limit: number): Promise<Mail[]> {
  return em.find(Mail, recipient === undefined ? {} : { recipient }, { orderBy: { id: 'desc' }, limit })
}
