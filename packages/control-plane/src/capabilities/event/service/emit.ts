import type { TenantContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import { tenantEvent } from '../contract.ts'
import { insertEvent } from '../repository.ts'
import type { EventType } from '../rules/visible.ts'
import { doorbell } from './streams.ts'

type EventData<Type extends EventType> = Omit<
  Extract<z.input<typeof tenantEvent>, { type: Type }>,
  'type' | 'occurredAt'
>

/**
 * Tells those who watch the tenant, once the transaction has committed. Until then it holds back the tenant's other
 * events: it comes after all that the transaction locks, and after the effects that a listener must find done.
 */
export async function emitEvent<Type extends EventType>(
  ctx: Pick<TenantContext, 'em' | 'clock' | 'services' | 'afterCommit'> & { tenant: { id: string } },
  type: Type,
  told: EventData<Type>,
): Promise<void> {
  const occurredAt = ctx.clock.now()
  // What does not fit would break every stream that comes to it.
  const { type: _, occurredAt: __, ...data } = tenantEvent.parse({ ...told, type, occurredAt })
  await insertEvent(ctx.em, { type, data, occurredAt })
  ctx.afterCommit(() => ctx.services.bus.publish(doorbell, { tenantId: ctx.tenant.id }))
}
