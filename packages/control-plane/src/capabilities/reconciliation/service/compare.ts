import type { ReadTenant, TenantContext } from '@tenantry/kernel/context/request-context'
import { eventRetentionDays, periodOfTenant, spanOf, type UsageItem } from '../../metering/index.ts'
import { type Meter, planNamed } from '../../plan/index.ts'
import { itemOf } from '../../usage/index.ts'
import { usageSourceErrors } from '../contract.ts'
import { type Compared, eventsQuery, sourceQuery, standingQuery, takenKeys } from '../repository.ts'
import { type Corrected, correctionKeyOf } from '../rules/correction-key.ts'

/** A tenant to compare, and how it is read. */
export interface ComparedTenant extends Pick<TenantContext, 'clock' | 'services' | 'tenant'> {
  read: ReadTenant
}

export interface Comparison {
  meter: Meter
  at: Date
  period: string
  /** A table of the product, or the events; null where nothing tells what it should stand at. */
  comparedWith: 'source' | 'events' | null
  used: number
  counted: number
}

/** What a meter stands at in its current period, beside what it should. */
export async function compare(ctx: ComparedTenant, meter: Meter): Promise<Comparison> {
  const at = ctx.clock.now()
  const period = periodAt(ctx, meter, at)
  const comparedWith = meter.source !== null ? 'source' : haveEventsAll(ctx, meter) ? 'events' : null
  const [query, bounds] = questionOf(meter, comparedWith, period)
  const [row] = await ctx.read<Compared>(query, [meter.key, period.period, ...bounds])
  if (!row) throw new Error('The comparison answered nothing')
  const counted = Number(row.counted ?? row.used)
  if (!Number.isSafeInteger(counted) || counted < 0) throw uncountable(meter, String(row.counted))
  return { meter, at, period: period.period, comparedWith, used: Number(row.used), counted }
}

export function uncountable({ key, source }: Meter, counted: string) {
  const message = `${key} cannot stand at ${counted}, as ${source?.table ?? 'its events'} would have it.`
  return usageSourceErrors.uncountable({ meter: key }, message)
}

/** The period that an instant is in, and the span. */
export function periodAt({ services, tenant }: ComparedTenant, { period }: Pick<Meter, 'period'>, at: Date) {
  const { periodAnchor } = planNamed(services.catalogue, tenant.plan)
  const { startsAt, endsAt } = periodOfTenant(period, at, tenant, periodAnchor)
  return { ...spanOf(period, at, tenant, periodAnchor), startsAt, endsAt }
}

function questionOf(
  { source }: Meter,
  comparedWith: Comparison['comparedWith'],
  { startsAt, endsAt }: ReturnType<typeof periodAt>,
): [typeof eventsQuery, string[]] {
  if (comparedWith === null) return [standingQuery, []]
  if (source === null) return [eventsQuery, [startsAt.toISOString()]]
  const isTimed = source.at !== null && endsAt !== null
  return [sourceQuery(source), isTimed ? [startsAt.toISOString(), endsAt.toISOString()] : []]
}

/**
 * Whether what a meter stands at is the sum of its events. Events are kept for longer than any period, and not as long as
 * what has none. A gauge that was set has the difference to what it stood at then, right or wrong.
 */
export function haveEventsAll({ tenant, clock }: ComparedTenant, { kind, period }: Meter): boolean {
  if (kind !== 'counter') return false
  const keptSince = clock.now().getTime() - eventRetentionDays * 86_400_000
  return period !== 'total' || tenant.createdAt.getTime() > keptSince
}

/** What makes both equal, in the period that was compared. */
export function correctionOf(ctx: ComparedTenant, { meter, at, used, counted }: Comparison, key: string): UsageItem {
  const input = { metric: meter.key, amount: counted - used }
  const item = itemOf({ ...ctx, clock: { now: () => at }, eventKey: null }, { meter, input, mode: 'track' })
  return { ...item, key, properties: JSON.stringify({ reason: `Counted from ${meter.source?.table}` }) }
}

const keysAtOnce = 50

/** The first that no correction has. Taken before the comparison, it is free no more where another has corrected since. */
export async function freeKey(ctx: ComparedTenant, corrected: Corrected, first = 0): Promise<string> {
  const keys = Array.from({ length: keysAtOnce }, (_, place) => correctionKeyOf(corrected, first + place))
  const taken = new Set((await ctx.read(takenKeys, [keys])).map(({ key }) => key))
  return keys.find((key) => !taken.has(key)) ?? freeKey(ctx, corrected, first + keysAtOnce)
}
