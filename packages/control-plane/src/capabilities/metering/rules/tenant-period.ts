import { type MeterPeriod, type Period, periodOf } from './period.ts'

/** A timezone that a tenant had until an instant (ISO 8601). */
interface FormerTimezone {
  timezone: string
  until: string
}

/** What the periods of a tenant are derived from. */
export interface MeteredTenant {
  timezone: string
  /** Those it had before, the oldest first. */
  formerTimezones: readonly FormerTimezone[]
  /** The start of its subscription. */
  createdAt: Date
}

export type PeriodAnchor = 'calendar' | 'subscription'

/** Longer than the longest period and the age of the oldest event that still counts. */
const rememberedMilliseconds = 100 * 86_400_000

/**
 * The period of a tenant's meter that an instant belongs to. A new timezone takes effect with the next period, and for
 * what is counted by the hour with the next day: what has begun ends as it began, so that no change starts a count anew.
 */
export function periodOfTenant(
  meterPeriod: MeterPeriod,
  instant: Date,
  tenant: MeteredTenant,
  anchor: PeriodAnchor = 'calendar',
): Period {
  const { timezone: _, ...period } = countedPeriod(meterPeriod, instant, tenant, anchor)
  return period
}

/** The same with the timezone that it is counted in. */
export function countedPeriod(
  meterPeriod: MeterPeriod,
  instant: Date,
  tenant: MeteredTenant,
  anchor: PeriodAnchor = 'calendar',
): Period & { timezone: string } {
  const anchored = anchor === 'calendar' ? anchor : { subscription: tenant.createdAt }
  const inZone: InZone = (period, at, timezone, memory = '') =>
    periodOf(period, at, { timezone, anchor: anchored, memory })
  const changes = changesOf(tenant)
  let timezone = tenant.formerTimezones[0]?.timezone ?? tenant.timezone
  let since = new Date(0)
  while (changes.length > 0) {
    const taken = nextEffect(meterPeriod, timezone, changes, inZone)
    if (taken === null || instant < taken.at) {
      const inLast = taken !== null && meterPeriod !== 'hour' && instant >= taken.last.startsAt
      const period = inLast ? { ...taken.last, endsAt: taken.at } : inZone(meterPeriod, instant, timezone)
      return { ...period, startsAt: later(period.startsAt, since), timezone }
    }
    timezone = taken.timezone
    since = taken.at
  }
  const period = inZone(meterPeriod, instant, timezone)
  return { ...period, startsAt: later(period.startsAt, since), timezone }
}

/** The period of that key, where it holds the instant or is the last before; null where it is neither. */
export function recentPeriod(
  meterPeriod: MeterPeriod,
  key: string,
  { instant, tenant, anchor }: { instant: Date; tenant: MeteredTenant; anchor: PeriodAnchor },
): Period | null {
  const period = periodOfTenant(meterPeriod, instant, tenant, anchor)
  const isCurrent = period.key === key || period.endsAt === null
  const named = isCurrent
    ? period
    : periodOfTenant(meterPeriod, new Date(period.startsAt.getTime() - 1), tenant, anchor)
  return isCurrent || named.key === key ? named : null
}

type InZone = (period: MeterPeriod, at: Date, timezone: string, memory?: string) => Period

interface Change {
  at: Date
  to: string
}

interface Effect {
  at: Date
  timezone: string
  /** The last period in the timezone before. */
  last: Period
}

const changesOf = ({ formerTimezones, timezone }: MeteredTenant): Change[] =>
  formerTimezones.map(({ until }, index) => ({
    at: new Date(until),
    to: formerTimezones[index + 1]?.timezone ?? timezone,
  }))

/** Takes off the changes up to the next that takes effect: one that is changed again before it does never will. */
function nextEffect(meterPeriod: MeterPeriod, timezone: string, changes: Change[], inZone: InZone): Effect | null {
  const first = changes.shift() as Change
  const last = inZone(meterPeriod === 'hour' ? 'day' : meterPeriod, first.at, timezone, first.at.toISOString())
  if (last.endsAt === null) return null
  let to = first.to
  let at = effectOf(meterPeriod, last, to, inZone)
  for (let next = changes[0]; next !== undefined && next.at < at; next = changes[0]) {
    changes.shift()
    to = next.to
    at = effectOf(meterPeriod, last, to, inZone)
  }
  return { at, timezone: to, last }
}

/** Where the calendar of the new timezone is behind, the last period goes on until it has come to the next. */
function effectOf(meterPeriod: MeterPeriod, last: Period, timezone: string, inZone: InZone): Date {
  let at = last.endsAt as Date
  // Hours are told apart by their offset.
  if (meterPeriod === 'hour') return at
  for (let next = inZone(meterPeriod, at, timezone, at.toISOString()); next.key <= last.key; ) {
    at = next.endsAt as Date
    next = inZone(meterPeriod, at, timezone, at.toISOString())
  }
  return at
}

const later = (one: Date, other: Date) => (one < other ? other : one)

/** What is remembered once the timezone is changed: the zones that periods were counted in, one a day at the most. */
export function afterTimezoneChange(tenant: MeteredTenant, timezone: string, now: Date): FormerTimezone[] {
  const recent = tenant.formerTimezones.filter(
    ({ until }) => now.getTime() - new Date(until).getTime() < rememberedMilliseconds,
  )
  const last = recent.at(-1)
  if (last === undefined || !countsStill(last, now)) {
    return [...recent, { timezone: tenant.timezone, until: now.toISOString() }]
  }
  return last.timezone === timezone ? recent.slice(0, -1) : recent
}

/** Whether the day in which the zone was replaced goes on, so that its successor has counted nothing yet. */
function countsStill({ timezone, until }: FormerTimezone, now: Date): boolean {
  const { endsAt } = periodOf('day', new Date(until), { timezone })
  return endsAt !== null && now < endsAt
}

/** The keys of a period, and of the span in which alerts and grace are given once: the month for what has no period. */
export function spanOf(
  meterPeriod: MeterPeriod,
  instant: Date,
  tenant: MeteredTenant,
  anchor: PeriodAnchor = 'calendar',
): { period: string; span: string } {
  const { key: period } = periodOfTenant(meterPeriod, instant, tenant, anchor)
  return meterPeriod === 'none'
    ? { period, span: periodOfTenant('month', instant, tenant, anchor).key }
    : { period, span: period }
}
