import { serviceErrors } from '@tenantry/kernel/contract/errors'
import type { Meter } from '../../plan/index.ts'
import { type ComparedTenant, type Comparison, compare, correctionOf, freeKey } from './compare.ts'

/** Whoever corrects at the same time makes it compare again. */
const mostTries = 5

/**
 * Makes a meter stand at what it should, by an event of what differs and not by a value: what is reported at the same time
 * is added to it and stays. Of two that correct the same, the key lets one. Throws `service.overloaded`.
 */
export async function correct(ctx: ComparedTenant, meter: Meter): Promise<Comparison> {
  const first = await compare(ctx, meter)
  if (first.comparedWith === null || first.used === first.counted) return first
  const corrected = { meter: meter.key, period: first.period, comparedWith: first.comparedWith }
  for (let tries = 0; tries < mostTries; tries += 1) {
    const key = await freeKey(ctx, corrected)
    const comparison = await compare(ctx, meter)
    if (comparison.period !== first.period) break
    if (comparison.used === comparison.counted) return comparison
    const { outcome } = await ctx.services.metering.write(correctionOf(ctx, comparison, key))
    if (outcome === 'counted') return comparison
    if (outcome !== 'duplicate' && outcome !== 'conflict' && outcome !== 'below_zero') break
  }
  throw serviceErrors.overloaded({ retryAfterSeconds: 1 })
}
