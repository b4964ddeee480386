import { serviceErrors, tenantSelectionErrors } from '@tenantry/kernel/contract/errors'
import type { WriteOutcome } from '../../metering/index.ts'
import type { Meter } from '../../plan/index.ts'
import { recount } from '../repository.ts'
import {
  type ComparedTenant,
  type Comparison,
  compare,
  correctionOf,
  freeKey,
  haveEventsAll,
  periodAt,
  uncountable,
} from './compare.ts'

/**
 * Makes a meter stand at what it should: a counter that lost count of its events at their sum, and what has a source at
 * what that says. What is reported at the same time is added to it and stays. Throws `service.overloaded`, and
 * `usage_source.uncountable`.
 */
export async function correct(ctx: ComparedTenant, meter: Meter): Promise<Comparison> {
  const first = await compare(ctx, meter)
  if (first.comparedWith === null || first.used === first.counted) return first
  // First of all by its events: what they have already must not become an event again.
  const recounted = haveEventsAll(ctx, meter) ? await recountEvents(ctx, first) : null
  if (first.comparedWith === 'events') return recounted ?? first
  const corrected = await correctBySource(ctx, first)
  const regained = recounted === null ? 0 : recounted.counted - recounted.used
  return { ...corrected, used: corrected.used - regained }
}

/** By the counter alone: its events and days have lost nothing. */
function recountEvents(ctx: ComparedTenant, comparison: Comparison): Promise<Comparison> {
  const { meter } = comparison
  return ctx.services.metering.onAccount(ctx.tenant.id, async (given) => {
    const { startsAt: since, period, span } = periodAt(ctx, meter, given.now)
    const wanted = { tenantId: ctx.tenant.id, meter: meter.key, period, span, since }
    const { outcome, drift, used, counters, alerted } = await recount(given, wanted)
    if (outcome === 'unresolved') return 'unready'
    if (outcome !== 'counted') throw refusalOf(outcome, comparison)
    const answer = { ...comparison, at: given.now, period, used: used - drift, counted: used }
    return { answer, counters, alerted }
  })
}

/** Whoever corrects at the same time makes it compare again. */
const mostTries = 5

/** By an event of what differs, so that days follow. Of two that correct the same, the key lets one. */
async function correctBySource(ctx: ComparedTenant, { meter, period }: Comparison): Promise<Comparison> {
  for (let tries = 0; tries < mostTries; tries += 1) {
    const key = await freeKey(ctx, { meter: meter.key, period })
    const comparison = await compare(ctx, meter)
    if (comparison.period !== period) break
    if (comparison.used === comparison.counted) return comparison
    const { outcome } = await ctx.services.metering.writeUndeferred(correctionOf(ctx, comparison, key))
    if (outcome === 'counted') return comparison
    if (outcome !== 'duplicate' && outcome !== 'conflict' && outcome !== 'below_zero')
      throw refusalOf(outcome, comparison)
  }
  throw serviceErrors.overloaded({ retryAfterSeconds: 1 })
}

/** What would come of a second try. */
function refusalOf(outcome: WriteOutcome, { meter, counted }: Comparison) {
  if (outcome === 'uncountable') return uncountable(meter, String(counted))
  if (outcome === 'unknown_tenant') return tenantSelectionErrors.not_found()
  return serviceErrors.overloaded({ retryAfterSeconds: 1 })
}
