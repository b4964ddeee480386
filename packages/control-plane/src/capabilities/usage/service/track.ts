import type { EventContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import type { AppError } from '@tenantry/kernel/errors/app-error'
import { newId } from '@tenantry/kernel/tenancy/id'
import type { z } from 'zod'
import { limitErrors } from '../../limit/index.ts'
import { periodOfTenant, spanOf, type UsageItem, type UsageMode, type WrittenItem } from '../../metering/index.ts'
import { type Meter, planNamed } from '../../plan/index.ts'
import type { trackUsage as trackOperation } from '../contract.ts'
import { usageErrors } from '../contract.ts'
import { remainingOf, stateOf } from '../rules/ladder.ts'

type TrackInput = Omit<z.output<typeof trackOperation.input>, 'tenantId'>

const latestDays = 31
const futureToleranceSeconds = 300

/** Throws `usage.unknown_meter`, `usage.idempotency_conflict`, `usage.below_zero`, or `request.invalid` naming the field. */
export async function track(ctx: EventContext, input: TrackInput) {
  const answer = await count(ctx, input, 'track')
  await ctx.services.metering.remembered(ctx.tenant.id)
  return answer
}

/** Counts what fits, or nothing. Throws `usage.limit_exceeded` and what `track` throws. */
export async function consume(ctx: EventContext, input: Omit<TrackInput, 'occurredAt'>) {
  const answer = await count(ctx, input, 'consume')
  await ctx.services.metering.remembered(ctx.tenant.id)
  return answer
}

async function count(ctx: EventContext, input: TrackInput, mode: UsageMode) {
  const meter = getMeter(ctx, input.metric)
  checkAmount(meter, input.amount)
  const { outcome, standing } = await write(ctx, meter, itemOf(ctx, { meter, input, mode }))
  return { outcome, amount: input.amount, ...standing }
}

/** One of many: what the meter stands at, and not where it ends. Throws what `track` throws. */
export async function countOne(ctx: EventContext, input: TrackInput) {
  const meter = getMeter(ctx, input.metric)
  checkAmount(meter, input.amount)
  const { outcome, written } = await writeItem(ctx, itemOf(ctx, { meter, input, mode: 'track' }))
  return { outcome, used: written.used }
}

/** Throws why it was not counted. */
export async function write(ctx: EventContext, meter: Meter, item: UsageItem) {
  const { outcome, written } = await writeItem(ctx, item)
  return { outcome, standing: standingOf(ctx, meter, item, written) }
}

async function writeItem(ctx: EventContext, item: UsageItem) {
  const written = await ctx.services.metering.write(item)
  const refusal = refusalOf(ctx, item, written)
  if (refusal !== null) throw refusal
  if (written.outcome === 'deferred') return { outcome: written.outcome, written: { ...written, used: item.amount } }
  const outcome = written.outcome === 'duplicate' ? ('duplicate' as const) : ('accepted' as const)
  return { outcome, written }
}

export function getMeter({ services }: Pick<EventContext, 'services'>, key: string): Meter {
  const meter = services.catalogue.meters[key]
  if (!meter) throw usageErrors.unknown_meter({}, `The plan catalogue has no meter "${key}".`)
  return meter
}

export function checkAmount(meter: Meter, amount: number): void {
  const refuse = (message: string, path = 'amount') => requestErrors.invalid({ issues: [{ path, message }] })
  if (meter.kind === 'concurrency') throw refuse('Concurrency slots are taken by runs, not tracked.', 'metric')
  if (meter.countedFrom !== null)
    throw refuse(`This meter is counted from ${meter.countedFrom}; it cannot be tracked.`, 'metric')
  if (meter.kind === 'counter' && amount < 1) throw refuse('A counter takes whole amounts from 1.')
  if (amount === 0) throw refuse('Expected a change other than 0.')
}

export function itemOf(
  ctx: Pick<EventContext, 'clock' | 'services' | 'tenant' | 'eventKey'>,
  { meter, input, mode }: { meter: Meter; input: TrackInput; mode: UsageMode },
): UsageItem {
  const now = ctx.clock.now()
  const occurredAt = occurredAtOf(input, now)
  const { periodAnchor } = planNamed(ctx.services.catalogue, ctx.tenant.plan)
  const counted = spanOf(meter.period, occurredAt, ctx.tenant, periodAnchor)
  return {
    tenantId: ctx.tenant.id,
    meter: meter.key,
    ...counted,
    isCurrent: occurredAt === now || spanOf(meter.period, now, ctx.tenant, periodAnchor).period === counted.period,
    id: newId(),
    key: eventKeyOf(ctx, input),
    amount: input.amount,
    mode,
    sequence: null,
    day: periodOfTenant('day', occurredAt, ctx.tenant).key,
    occurredAt,
    properties: input.properties === undefined ? null : JSON.stringify(input.properties),
  }
}

function occurredAtOf({ occurredAt }: TrackInput, now: Date): Date {
  if (occurredAt === undefined) return now
  const at = new Date(occurredAt)
  const ageSeconds = (now.getTime() - at.getTime()) / 1000
  const refuse = (message: string) => requestErrors.invalid({ issues: [{ path: 'occurredAt', message }] })
  if (ageSeconds < -futureToleranceSeconds) throw refuse('Expected a time that is not in the future.')
  if (ageSeconds > latestDays * 86_400) throw refuse(`Expected a time within the last ${latestDays} days.`)
  return at
}

function eventKeyOf(ctx: Pick<EventContext, 'eventKey'>, { idempotencyKey }: TrackInput): string | null {
  if (idempotencyKey !== undefined && ctx.eventKey !== null && idempotencyKey !== ctx.eventKey) {
    throw requestErrors.invalid({
      issues: [{ path: 'idempotencyKey', message: 'Differs from the Idempotency-Key header.' }],
    })
  }
  return idempotencyKey ?? ctx.eventKey
}

/** Why an item was not counted; null where it was, now or before. */
export function refusalOf(ctx: EventContext, item: UsageItem, written: WrittenItem): AppError | null {
  const { meter } = item
  switch (written.outcome) {
    case 'counted':
    case 'duplicate':
    case 'deferred':
      return null
    case 'over_limit':
      return overLimit(ctx, item, written)
    case 'conflict':
      return usageErrors.idempotency_conflict()
    case 'below_zero':
      return usageErrors.below_zero({ meter, used: written.used })
    case 'uncountable': {
      const message = 'The count would be larger than can be told exactly.'
      return requestErrors.invalid({ issues: [{ path: 'amount', message }] })
    }
    case 'outdated':
      return usageErrors.outdated({ meter, used: written.used })
    default:
      throw new Error(`Usage was answered ${written.outcome}`)
  }
}

/** What is only reserved may come back before the period ends. */
function overLimit(ctx: EventContext, { meter, amount, occurredAt }: UsageItem, written: WrittenItem): AppError {
  const { used, limit, hardLimit, held, heldUntil } = written
  const isHeld = hardLimit !== null && used + amount <= hardLimit
  const roomAt = isHeld && heldUntil !== null ? heldUntil : resetOf(ctx, getMeter(ctx, meter), occurredAt)
  const told = held > 0 ? { held } : {}
  const besides = held > 0 ? `; ${held} are reserved` : ''
  const message = `${amount} more of ${meter} would be above the limit of ${hardLimit}${besides}.`
  const remaining = remainingOf(used + held, hardLimit)
  return limitErrors.limit_exceeded(
    { meter, limit, hardLimit, used, ...told, remaining, ...retryAfter(ctx, roomAt) },
    message,
  )
}

const resetOf = (ctx: EventContext, { period }: Pick<Meter, 'period'>, at: Date) => {
  const { periodAnchor } = planNamed(ctx.services.catalogue, ctx.tenant.plan)
  return periodOfTenant(period, at, ctx.tenant, periodAnchor).endsAt
}

/** Nobody knows when a gauge will have room again. */
export function retryAfter({ clock }: Pick<EventContext, 'clock'>, resetsAt: Date | null) {
  if (resetsAt === null) return {}
  const retryAfterSeconds = Math.max(1, Math.ceil((resetsAt.getTime() - clock.now().getTime()) / 1_000))
  return { resetsAt: resetsAt.toISOString(), retryAfterSeconds }
}

export function standingOf(
  ctx: EventContext,
  meter: Pick<Meter, 'key' | 'period'>,
  item: Pick<UsageItem, 'occurredAt'>,
  { used, limit, hardLimit, first, held }: Omit<WrittenItem, 'outcome' | 'heldUntil'>,
) {
  const { alertThresholds } = planNamed(ctx.services.catalogue, ctx.tenant.plan)
  return {
    metric: meter.key,
    used,
    limit,
    remaining: remainingOf(used + held, hardLimit),
    state: stateOf(used, { limit, hardLimit }, alertThresholds),
    resetsAt: resetOf(ctx, meter, first?.occurredAt ?? item.occurredAt)?.toISOString() ?? null,
  }
}
