import { type MeterPeriod, type Period, periodOf } from './period.ts'

export type PeriodAnchor = 'calendar' | 'subscription'

/** What periods are counted by, beside the start of the subscription. */
export interface Counting {
  timezone: string
  anchor: PeriodAnchor
}

/** What they were counted by until an instant (ISO 8601). Without an anchor it is the one that holds now. */
interface FormerTimezone {
  timezone: string
  anchor?: PeriodAnchor
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

/** Longer than the longest period and the age of the oldest event that still counts. */
const rememberedMilliseconds = 100 * 86_400_000

/**
 * The period of a tenant's meter that an instant belongs to. A new timezone or anchor takes effect with the next period,
 * and for what is counted by the hour with the next day: what has begun ends as it began, so that no change starts a count
 * anew.
 */
export function periodOfTenant(
  meterPeriod: MeterPeriod,
  instant: Date,
  tenant: MeteredTenant,
  anchor: PeriodAnchor = 'calendar',
): Period {
  const { timezone: _, anchor: __, ...period } = countedPeriod(meterPeriod, instant, tenant, anchor)
  return period
}

/** The same with what it is counted by. */
export function countedPeriod(
  meterPeriod: MeterPeriod,
  instant: Date,
  tenant: MeteredTenant,
  anchor: PeriodAnchor = 'calendar',
): Period & Counting {
  const countedBy = countedByOf(tenant)
  let counting = historyOf(tenant, anchor).first
  let since = new Date(0)
  for (const { at, to, last } of effectsOf(meterPeriod, tenant, anchor)) {
    if (instant < at) {
      const inLast = meterPeriod !== 'hour' && instant >= last.startsAt
      const period = inLast ? { ...last, endsAt: at } : countedBy(meterPeriod, instant, counting)
      return { ...period, startsAt: later(period.startsAt, since), ...counting }
    }
    counting = to
    since = at
  }
  const period = countedBy(meterPeriod, instant, counting)
  return { ...period, startsAt: later(period.startsAt, since), ...counting }
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

type CountedBy = (period: MeterPeriod, at: Date, counting: Counting, memory?: string) => Period

const countedByOf =
  ({ createdAt }: MeteredTenant): CountedBy =>
  (period, at, { timezone, anchor }, memory = '') =>
    periodOf(period, at, { timezone, anchor: anchor === 'calendar' ? anchor : { subscription: createdAt }, memory })

interface Change {
  at: Date
  to: Counting
}

interface Effect extends Change {
  /** The last period that is counted as before. */
  last: Period
}

/** What was counted by first, and what took its place, the oldest first. */
function historyOf({ formerTimezones, timezone }: MeteredTenant, current: PeriodAnchor) {
  const countingAt = (index: number): Counting => {
    const { anchor = current, ...former } = formerTimezones[index] ?? { timezone }
    return { timezone: former.timezone, anchor }
  }
  const changes = formerTimezones.map(
    ({ until }, index): Change => ({ at: new Date(until), to: countingAt(index + 1) }),
  )
  return { first: countingAt(0), changes }
}

/** The changes that have taken effect or will, the oldest first; none of what has one period only. */
function* effectsOf(meterPeriod: MeterPeriod, tenant: MeteredTenant, anchor: PeriodAnchor): Generator<Effect> {
  const { first, changes } = historyOf(tenant, anchor)
  for (let counting = first; changes.length > 0; ) {
    const effect = nextEffect(meterPeriod, counting, changes, countedByOf(tenant))
    if (effect === null) return
    yield effect
    counting = effect.to
  }
}

/** Takes off the changes up to the next that takes effect: one that is changed again before it does never will. */
function nextEffect(
  meterPeriod: MeterPeriod,
  counting: Counting,
  changes: Change[],
  countedBy: CountedBy,
): Effect | null {
  const first = changes.shift() as Change
  const last = countedBy(meterPeriod === 'hour' ? 'day' : meterPeriod, first.at, counting, first.at.toISOString())
  if (last.endsAt === null) return null
  const { endsAt } = last
  let to = first.to
  let at = effectOf(meterPeriod, last.key, { from: endsAt, to }, countedBy)
  for (let next = changes[0]; next !== undefined && next.at < at; next = changes[0]) {
    changes.shift()
    to = next.to
    // While it goes on for longer it ends as it was to, too.
    at = effectOf(meterPeriod, last.key, { from: next.at < endsAt ? endsAt : at, to }, countedBy)
  }
  return { at, to, last }
}

/** Where the calendar of the new timezone is behind, the last period goes on until it has come to the next. */
function effectOf(
  meterPeriod: MeterPeriod,
  lastKey: string,
  { from, to }: { from: Date; to: Counting },
  countedBy: CountedBy,
): Date {
  // Hours are told apart by their offset.
  if (meterPeriod === 'hour') return from
  let at = from
  for (let next = countedBy(meterPeriod, at, to, at.toISOString()); next.key <= lastKey; ) {
    at = next.endsAt as Date
    next = countedBy(meterPeriod, at, to, at.toISOString())
  }
  return at
}

const later = (one: Date, other: Date) => (one < other ? other : one)

/**
 * What is remembered once the timezone or the anchor is changed: what periods were counted by, a few a day at the most.
 * `until` is the last instant of what was before.
 */
export function afterChange(
  { formerTimezones, createdAt }: Pick<MeteredTenant, 'formerTimezones' | 'createdAt'>,
  { before, after, until }: { before: Counting; after: Counting; until: Date },
): FormerTimezone[] {
  if (isSame(before, after)) return [...formerTimezones]
  const recent = formerTimezones
    .filter((former) => until.getTime() - new Date(former.until).getTime() < rememberedMilliseconds)
    .map((former) => ({ ...former, anchor: former.anchor ?? before.anchor }))
  const last = recent.at(-1)
  const tenant = { timezone: before.timezone, formerTimezones: recent, createdAt }
  if (last === undefined || (until > new Date(last.until) && hasCounted(tenant, before.anchor, until)))
    return [...recent, { ...before, until: until.toISOString() }]
  return isSame(last, after) ? recent.slice(0, -1) : recent
}

const isSame = (one: Counting, other: Counting) => one.timezone === other.timezone && one.anchor === other.anchor

/** Whether any period that what holds now takes the place of has ended: until then it leaves no trace when it is left. */
function hasCounted(tenant: MeteredTenant, anchor: PeriodAnchor, now: Date): boolean {
  return (['hour', 'day', 'month'] as const).some((meterPeriod) => {
    const effect = [...effectsOf(meterPeriod, tenant, anchor)].at(-1)
    return effect?.last.endsAt != null && effect.last.endsAt <= now
  })
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
