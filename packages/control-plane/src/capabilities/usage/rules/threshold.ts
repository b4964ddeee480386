import type { EffectiveLimit } from '../../plan/index.ts'
import { type Counted, limitNow, stateOf, type UsageState } from './ladder.ts'

/** That a share of a limit was reached. */
export interface Alert {
  meter: string
  /** Of the limit; null is its end. */
  percent: number | null
  used: number
  included: number
  hardLimit: number
  graceDays: number
  span: string
  limitVersion: number
}

/** Of each meter the highest; what was reached of a former limit or in a former period counts less. */
export function highestOfEach<Reached extends Alert>(alerts: readonly Reached[]): Reached[] {
  const highest = new Map<string, Reached>()
  for (const alert of alerts) {
    const known = highest.get(alert.meter)
    if (known === undefined || isHigher(alert, known)) highest.set(alert.meter, alert)
  }
  return [...highest.values()]
}

function isHigher(one: Alert, other: Alert): boolean {
  if (one.limitVersion !== other.limitVersion) return one.limitVersion > other.limitVersion
  if (one.span !== other.span) return one.span > other.span
  return (one.percent ?? Number.POSITIVE_INFINITY) > (other.percent ?? Number.POSITIVE_INFINITY)
}

export interface Standing {
  hardLimit: number
  state: UsageState
  /** Null where grace has not begun, or is over. */
  graceEndsAt: Date | null
}

/** Where on the ladder the tenant stands with it. */
export function standingAt(
  { meter, used, included, hardLimit, graceDays }: Alert,
  { overSince, isSameSpan, now }: Omit<Counted, 'used'>,
  thresholds: readonly number[],
): Standing {
  const grace = hardLimit - included
  const raised: EffectiveLimit = { meter, limit: included, grace, graceDays, hardLimit, source: 'plan' }
  const limit = limitNow(raised, { used, overSince, isSameSpan, now })
  const isInGrace = overSince !== null && used > included && limit.grace > 0
  return {
    hardLimit: limit.hardLimit ?? hardLimit,
    state: stateOf(used, limit, thresholds),
    graceEndsAt: isInGrace ? new Date(overSince.getTime() + graceDays * 86_400_000) : null,
  }
}
