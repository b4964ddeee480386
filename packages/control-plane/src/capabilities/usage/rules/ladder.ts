import type { EffectiveLimit } from '../../plan/index.ts'

export type UsageState = 'ok' | 'warning' | 'grace' | 'blocked'

/** Where on the ladder a meter stands: below its first alert threshold, above it, past its limit, or at its end. */
export function stateOf(
  used: number,
  { limit, hardLimit }: Pick<EffectiveLimit, 'limit' | 'hardLimit'>,
  thresholds: readonly number[],
): UsageState {
  if (limit === null || hardLimit === null) return 'ok'
  if (used >= hardLimit) return 'blocked'
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

/** Up to the hard limit; null where there is none. */
export const remainingOf = (used: number, hardLimit: number | null) =>
  hardLimit === null ? null : Math.max(0, hardLimit - used)

export interface Counted {
  used: number
  /** When it first came to stand above what is included. */
  overSince: Date | null
  /** Whether that was in this span, for which grace is given once. */
  isSameSpan: boolean
  now: Date
}

/** What holds now: grace ends some days after what is included was first passed. As `metering.write` has it. */
export function limitNow(limit: EffectiveLimit, { used, overSince, isSameSpan, now }: Counted): EffectiveLimit {
  if (overSince === null || limit.limit === null) return limit
  const isAnew = used <= limit.limit && !isSameSpan
  if (isAnew || overSince.getTime() + limit.graceDays * 86_400_000 > now.getTime()) return limit
  return { ...limit, grace: 0, hardLimit: limit.limit }
}
