import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { insertMail } from '../repository.ts'
import { type Message, writeMessage } from '../rules/message.ts'

/** Sent by a job once this transaction has committed, and then at least once. */
export async function queueMail(
  { em, clock }: Pick<TenantContext, 'em' | 'clock'>,
  { recipient, ...message }: Message & { recipient: string },
): Promise<void> {
  await insertMail(em, { recipient, ...writeMessage(message), createdAt: clock.now() })
}
