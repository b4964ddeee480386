import type { Services } from '@tenantry/kernel/context/dependencies'
import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { newId } from '@tenantry/kernel/tenancy/id'
import { insertMails } from '../repository.ts'
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
  senderId?: string | null
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
  const written = mails.map(({ recipient, recipientId = null, senderId = null, notBefore = null, ...message }) => {
    const { complete, ...shown } = writeMessage(message)
    const id = newId()
    const sealed = complete && seal(services.sealer, { tenantId: tenant.id, id }, complete)
    const nextAttemptAt = notBefore ?? createdAt
    return { id, recipient, recipientId, senderId, ...shown, sealed, createdAt, nextAttemptAt }
  })
  await insertMails(em, written)
}
