import type { Services } from '@tenantry/kernel/context/dependencies'
import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { newId } from '@tenantry/kernel/tenancy/id'
import { insertMails, supersedeMails } from '../repository.ts'
import { type Message, writeMessage } from '../rules/message.ts'
import { seal } from './sealed.ts'

type QueueContext = Pick<TenantContext, 'em' | 'clock'> & {
  tenant: { id: string }
  services: Pick<Services, 'sealer'>
}

type NewMail = Message & {
  recipient: string
  /** An owner or admin, to whom it goes only while they are one. */
  recipientId?: string | null
  /** `member`: it goes to them while they reach the tenant, whatever they hold there. */
  recipientKind?: 'steward' | 'member'
  senderId?: string | null
  /** Takes the place of what still waits to tell the tenant about the same. Needs the operators' connection. */
  about?: string | null
  /** Until then it waits; at once unless told. */
  notBefore?: Date | null
}

/** Sent by a job once this transaction has committed, and then at least once. */
export const queueMail = (ctx: QueueContext, mail: NewMail): Promise<void> => queueMails(ctx, [mail])

/** As `queueMail` does with one. */
export async function queueMails(
  { em, clock, tenant, services }: QueueContext,
  mails: readonly NewMail[],
): Promise<void> {
  const createdAt = clock.now()
  const written = mails.map((mail) => {
    const { recipient, recipientId = null, recipientKind = 'steward', ...rest } = mail
    const { senderId = null, about = null, notBefore = null, ...message } = rest
    const { complete, ...shown } = writeMessage(message)
    const id = newId()
    const sealed = complete && seal(services.sealer, { tenantId: tenant.id, id }, complete)
    const nextAttemptAt = notBefore ?? createdAt
    const to = { recipient, recipientId, recipientKind }
    return { id, ...to, senderId, about, ...shown, sealed, createdAt, nextAttemptAt }
  })
  const subjects = new Set(written.flatMap(({ about }) => about ?? []))
  if (subjects.size > 0) await supersedeMails(em, tenant.id, [...subjects])
  await insertMails(em, written)
}
