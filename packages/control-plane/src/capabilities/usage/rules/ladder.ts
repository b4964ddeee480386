import type { EffectiveLimit } from '../../plan/index.ts'

export type UsageState = 'ok' | 'warning' | 'grace' | 'blocked'

/** Where on the ladder a meter stands: below its first alert threshold, above it, past its limit, or at its end. */
export function stateOf(
  used: number,
  { limit, hardLimit }: Pick<EffectiveLimit, 'limit' | 'hardLimit'>,
  thresholds: readonly number[],
): UsageState {
  if (limit === null || hardLimit === null) return 'ok'
  if (used >= hardLimit && used > 0) return 'blocked'
  if (used > limit) return 'grace'
  const [first = 100] = thresholds
  return used * 100 >= first * limit && used > 0 ? 'warning' : 'ok'
}

/** Of the limit, with two decimals; null where there is none. */
export function percentOf(used: number, limit: number | null): number | null {
  if (limit === null) return null
  if (limit === 0) return used > 0 ? 100 : 0
  return Math.round((used / limit) * 10_000) / 100
}

/** The alert thresholds that were reached on the way up, in order; null stands for the hard limit. */
export function crossedThresholds(
  { before, after }: { before: number; after: number },
  { limit, hardLimit }: Pick<EffectiveLimit, 'limit' | 'hardLimit'>,
  thresholds: readonly number[],
): (number | null)[] {
  if (after <= before || limit === null || hardLimit === null) return []
  const crosses = (reached: (used: number) => boolean) => reached(after) && !(before > 0 && reached(before))
  const percents = thresholds.filter((percent) => crosses((used) => used * 100 >= percent * limit))
  return crosses((used) => used >= hardLimit) ? [...percents, null] : percents
}
