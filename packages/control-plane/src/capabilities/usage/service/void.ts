import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import type { z } from 'zod'
import { periodOfTenant, type UsageEvent, type UsageItem } from '../../metering/index.ts'
import type { Meter } from '../../plan/index.ts'
import { usageErrors, type voidUsage as voidOperation } from '../contract.ts'
import { findEvent } from '../repository.ts'
import { voidedBy, voidKeyOf } from '../rules/void-key.ts'
import { describe } from './events.ts'
import { getMeter, itemOf, write } from './track.ts'

type Question = Omit<z.output<typeof voidOperation.input>, 'tenantId'>

/**
 * Counts an event against another, once. Throws `usage.event_not_found`, `usage.below_zero`, or `request.invalid` naming
 * the field.
 */
export async function voidUsage(ctx: TenantContext, question: Question) {
  const event = await findEvent(ctx.em, wantedBy(question))
  if (!event) throw usageErrors.event_not_found()
  if (voidedBy(event.idempotencyKey) !== null) throw refuse('eventId', 'This event takes back another.')
  const key = voidKeyOf(event.id)
  const known = await findEvent(ctx.em, { idempotencyKey: key })
  if (known) return describe(known)

  const meter = getMeter(ctx, event.meter)
  const item = itemAgainst(ctx, { meter, event, reason: question.reason })
  const { outcome } = await write(ctx, meter, item)
  await ctx.services.metering.remembered(ctx.tenant.id)
  const written = await findEvent(ctx.em, { idempotencyKey: key })
  if (!written) throw new Error('What takes back an event is not there')
  if (outcome === 'accepted') {
    const target = { type: 'usage_event', id: event.id }
    ctx.record('usage.voided', { target, details: { reason: question.reason, meter: meter.key, amount: event.amount } })
  }
  return describe(written)
}

function wantedBy({ eventId, idempotencyKey }: Question): { id: string } | { idempotencyKey: string } {
  if (eventId !== undefined && idempotencyKey === undefined) return { id: eventId }
  if (idempotencyKey !== undefined && eventId === undefined) return { idempotencyKey }
  throw refuse('eventId', 'Name the event by eventId or by idempotencyKey.')
}

/** In the period and on the day of the event; nothing can be voided from a period that it was not counted in. */
function itemAgainst(
  ctx: TenantContext,
  { meter, event, reason }: { meter: Meter; event: UsageEvent; reason: string },
): UsageItem {
  const item = itemOf(ctx, { meter, input: { metric: meter.key, amount: 0 - event.amount }, mode: 'void' })
  const { period, occurredAt } = event
  return {
    ...item,
    period,
    span: meter.period === 'none' ? item.span : period,
    isCurrent: item.period === period,
    key: voidKeyOf(event.id),
    day: periodOfTenant('day', occurredAt, ctx.tenant).key,
    occurredAt,
    properties: JSON.stringify({ reason }),
  }
}

const refuse = (path: string, message: string) => requestErrors.invalid({ issues: [{ path, message }] })
