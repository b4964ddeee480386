import type { Services } from '@tenantry/kernel/context/dependencies'
import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { newId } from '@tenantry/kernel/tenancy/id'
import { insertMail } from '../repository.ts'
import { type Message, writeMessage } from '../rules/message.ts'
import { seal } from './sealed.ts'

type QueueContext = Pick<TenantContext, 'em' | 'clock'> & {
  tenant: { id: string }
  services: Pick<Services, 'sealer'>
}

/** Sent by a job once this transaction has committed, and then at least once. */
export async function queueMail(
  { em, clock, tenant, services }: QueueContext,
  { recipient, senderId = null, ...message }: Message & { recipient: string; senderId?: string | null },
): Promise<void> {
  const { complete, ...shown } = writeMessage(message)
  const id = newId()
  const sealed = complete && seal(services.sealer, { tenantId: tenant.id, id }, complete)
  await insertMail(em, { id, recipient, senderId, ...shown, sealed, createdAt: clock.now() })
}
