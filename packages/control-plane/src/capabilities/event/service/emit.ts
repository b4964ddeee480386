import type { TenantContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import { tenantEvent } from '../contract.ts'
import { insertEvents } from '../repository.ts'
import type { EventType } from '../rules/visible.ts'
import { doorbell } from './streams.ts'

type EventData<Type extends EventType> = Omit<
  Extract<z.input<typeof tenantEvent>, { type: Type }>,
  'type' | 'occurredAt'
>

type Told = { [Type in EventType]: { type: Type } & EventData<Type> }[EventType]
type EventContext = Pick<TenantContext, 'em' | 'clock' | 'services' | 'afterCommit'> & { tenant: { id: string } }

/**
 * Tells those who watch the tenant, once the transaction has committed. Until then it holds back the tenant's other
 * events: it comes after all that the transaction locks, and after the effects that a listener must find done.
 */
export async function emitEvents(ctx: EventContext, told: readonly Told[]): Promise<void> {
  if (told.length === 0) return
  const occurredAt = ctx.clock.now()
  const events = told.map((event) => {
    // What does not fit would break every stream that comes to it.
    const { type, occurredAt: _, ...data } = tenantEvent.parse({ ...event, occurredAt })
    return { type, data, occurredAt }
  })
  await insertEvents(ctx.em, events)
  ctx.afterCommit(() => ctx.services.bus.publish(doorbell, { tenantId: ctx.tenant.id }))
}

export const emitEvent = <Type extends EventType>(
  ctx: EventContext,
  type: Type,
  told: EventData<Type>,
): Promise<void> => emitEvents(ctx, [{ type, ...told } as unknown as Told])
