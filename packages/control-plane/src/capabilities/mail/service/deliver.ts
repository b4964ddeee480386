import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import type { Sealer } from '@tenantry/kernel/context/sealer'
import type { Mailer } from '@tenantry/kernel/mail/mailer'
import { openSequence } from '@tenantry/kernel/trpc/sequence'
import { findReader, listStewards } from '../../member/index.ts'
import { claimMail, listDueMails, listMailsTo, type Mail, markMail } from '../repository.ts'
import { nextAttempt } from '../rules/retry.ts'
import { open } from './sealed.ts'

declare module '@tenantry/kernel/context/dependencies' {
  interface Services {
    /** Null where no mail server is configured: mails then wait. */
    mailer: Mailer | null
    sealer: Sealer
  }
}

type EntityManager = Parameters<typeof claimMail>[0]

const operation = 'mails.deliver'
const atOnce = 20
const hasLeft = 'Whom it was for is no active owner or admin any more.'
const reachesNoMore = 'Whom it was for does not reach the tenant any more.'
const links = /https?:\/\/\S+/g
/** It begins no batch after that: the job runs again in the next minute. */
const runMilliseconds = 50_000

/**
 * Sends what is due. A mail that the server does not take is tried again later, for two days; one whose sender is lost
 * between sending and marking it is sent again, under the same Message-ID.
 */
export async function deliverMails(dependencies: Dependencies): Promise<{ sent: number; failed: number }> {
  const { clock, logger, sealer, services } = dependencies
  const { mailer } = services
  if (mailer === null) return { sent: 0, failed: 0 }
  const { unit } = sequenceFor(dependencies)
  const until = clock.now().getTime() + runMilliseconds
  const outcomes = { sent: 0, failed: 0, passed: 0 }
  let found = atOnce
  while (found === atOnce && clock.now().getTime() < until) {
    const due = await unit.platform(({ em }) => listDueMails(em, clock.now(), atOnce))
    for (const outcome of await Promise.all(due.map(deliver))) outcomes[outcome] += 1
    found = due.length
  }
  return { sent: outcomes.sent, failed: outcomes.failed }

  async function deliver(due: Mail): Promise<keyof typeof outcomes> {
    const { tenantId, id } = due
    const mail = await unit.platform(({ em }) => claim(em, due, clock.now()), tenantId)
    if (mail === null) return 'passed'
    const [sending] = await Promise.allSettled([send(mail)])
    if (sending?.status !== 'rejected') {
      const sent = { sentAt: clock.now(), nextAttemptAt: null, sealed: null }
      await unit.platform(({ em }) => markMail(em, mail, sent), tenantId)
      return 'sent'
    }
    // A mail server may repeat what it did not like.
    const lastError = String(sending.reason).replaceAll(links, '…').slice(0, 500)
    logger.warn({ reason: lastError, mail: id }, 'a mail could not be sent')
    const nextAttemptAt = nextAttempt(mail.attempts + 1, clock.now())
    const failure = { lastError, nextAttemptAt, ...(nextAttemptAt === null ? { sealed: null } : {}) }
    await unit.platform(({ em }) => markMail(em, mail, failure), tenantId)
    return 'failed'
  }

  async function send(mail: Mail): Promise<void> {
    await mailer?.send(open(sealer, mail))
  }
}

/** As it is to go out now; null where another process has it, or whom it was for has left, for whom it is given up. */
async function claim(em: EntityManager, mail: Mail, now: Date): Promise<Mail | null> {
  if (!(await claimMail(em, mail, now))) return null
  const { recipientId, recipientKind } = mail
  if (!recipientId) return mail
  const reader = recipientKind === 'member' ? await findReader(em, recipientId) : null
  const standing = reader ?? (await findSteward(em, mail))
  if (standing === null) {
    const lastError = recipientKind === 'member' ? reachesNoMore : hasLeft
    await markMail(em, mail, { nextAttemptAt: null, lastError, sealed: null })
    return null
  }
  // An address that was given up since may be somebody else's by now.
  if (standing.email !== mail.recipient) await markMail(em, mail, { recipient: standing.email })
  return { ...mail, recipient: standing.email }
}

/** Whose account has left may have another, to which it was not written because of this one. */
async function findSteward(em: EntityManager, { recipientId, recipient }: Mail) {
  const stewards = await listStewards(em)
  const theirs = stewards.find(({ userId }) => userId === recipientId)
  return theirs ?? stewards.find(({ email }) => email === recipient) ?? null
}

/** What was written, whether or not it was sent; for a developer, who has no mail server. */
export async function listOutbox(dependencies: Dependencies, recipient?: string) {
  const { unit } = sequenceFor(dependencies)
  const mails = await unit.platform(({ em }) => listMailsTo(em, recipient, 50))
  return mails
    .map((mail) => open(dependencies.sealer, mail))
    .map(({ recipient: to, subject, text, html, createdAt }) => ({
      to,
      subject,
      text,
      html,
      links: text.match(links) ?? [],
      createdAt,
    }))
}

const sequenceFor = (dependencies: Dependencies) =>
  openSequence({
    dependencies,
    actor: { type: 'system', name: operation },
    client: { address: null, userAgent: null },
    requestId: operation,
    logger: dependencies.logger,
    operation,
  })
