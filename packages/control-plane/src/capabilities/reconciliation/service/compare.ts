import type { ReadTenant, TenantContext } from '@tenantry/kernel/context/request-context'
import { eventRetentionDays, type Period, periodOfTenant, type UsageItem } from '../../metering/index.ts'
import { type Meter, planNamed } from '../../plan/index.ts'
import { itemOf } from '../../usage/index.ts'
import { usageSourceErrors } from '../contract.ts'
import { type Compared, eventsQuery, sourceQuery, takenKeys } from '../repository.ts'
import { type ComparedWith, type Corrected, correctionKeyOf } from '../rules/correction-key.ts'

/** A tenant to compare, and how it is read. */
export interface ComparedTenant extends Pick<TenantContext, 'clock' | 'services' | 'tenant'> {
  read: ReadTenant
}

export interface Comparison {
  meter: Meter
  at: Date
  period: string
  /** Null where nothing tells what it should stand at. */
  comparedWith: ComparedWith | null
  used: number
  counted: number
}

/** What a meter stands at in its current period, beside what it should. */
export async function compare(ctx: ComparedTenant, meter: Meter): Promise<Comparison> {
  const { periodAnchor } = planNamed(ctx.services.catalogue, ctx.tenant.plan)
  const at = ctx.clock.now()
  const period = periodOfTenant(meter.period, at, ctx.tenant, periodAnchor)
  const comparedWith = comparableWith(ctx, meter)
  const query = meter.source === null ? eventsQuery : sourceQuery(meter.source)
  const [row] = await ctx.read<Compared>(query, [meter.key, period.key, ...boundsOf(meter, period)])
  if (!row) throw new Error('The comparison answered nothing')
  const used = Number(row.used)
  const counted = comparedWith === null ? used : Number(row.counted)
  if (!Number.isSafeInteger(counted) || counted < 0) throw uncountable(meter, row.counted)
  return { meter, at, period: period.key, comparedWith, used, counted }
}

function uncountable({ key, source }: Meter, counted: string) {
  const message = `${key} cannot stand at ${counted}, as ${source?.table ?? 'its events'} would have it.`
  return usageSourceErrors.uncountable({ meter: key }, message)
}

function boundsOf({ source }: Meter, { startsAt, endsAt }: Period): string[] {
  if (source === null) return [startsAt.toISOString()]
  return source.at === null || endsAt === null ? [] : [startsAt.toISOString(), endsAt.toISOString()]
}

/** Events are kept for longer than any period, and not as long as what has none. */
function comparableWith({ tenant, clock }: ComparedTenant, { source, period }: Meter): ComparedWith | null {
  if (source !== null) return 'source'
  const keptSince = clock.now().getTime() - eventRetentionDays * 86_400_000
  const hasEnd = period !== 'none' && period !== 'total'
  return hasEnd || tenant.createdAt.getTime() > keptSince ? 'events' : null
}

/** What makes both equal, in the period that was compared. */
export function correctionOf(ctx: ComparedTenant, { meter, at, used, counted }: Comparison, key: string): UsageItem {
  const input = { metric: meter.key, amount: counted - used }
  const item = itemOf({ ...ctx, clock: { now: () => at }, eventKey: null }, { meter, input, mode: 'track' })
  const reason = `Counted from ${meter.source?.table ?? 'its events'}`
  return { ...item, key, properties: JSON.stringify({ reason }) }
}

const keysAtOnce = 50

/** The first that no correction has. Taken before the comparison, it is free no more where another has corrected since. */
export async function freeKey(ctx: ComparedTenant, corrected: Corrected, first = 0): Promise<string> {
  const keys = Array.from({ length: keysAtOnce }, (_, place) => correctionKeyOf(corrected, first + place))
  const taken = new Set((await ctx.read(takenKeys, [keys])).map(({ key }) => key))
  return keys.find((key) => !taken.has(key)) ?? freeKey(ctx, corrected, first + keysAtOnce)
}
