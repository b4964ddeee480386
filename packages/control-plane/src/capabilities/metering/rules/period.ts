import { DateTime, IANAZone } from 'luxon'

export type MeterPeriod = 'hour' | 'day' | 'month' | 'total' | 'none'

export interface Period {
  /**
   * Where the period starts in its timezone: `2026-11-01` for days and months, `2026-11-01T01-04:00` for hours (the
   * offset tells apart the two hours of a clock set back), `total` for what has one period only.
   */
  key: string
  startsAt: Date
  /** The first instant of the next period; null if there is none. */
  endsAt: Date | null
}

export interface PeriodRule {
  /** IANA name. */
  timezone: string
  /** `subscription`: months start on the local day of the month on which the subscription began. */
  anchor?: 'calendar' | { subscription: Date }
  /** Remembered apart from the current period, for instants that are asked for again and again. */
  memory?: string
}

interface Bounds {
  key: string
  start: number
  end: number
}

const hourMilliseconds = 3_600_000
const dayMilliseconds = 24 * hourMilliseconds

/** The period last found per rule: deriving one takes 0.2 ms, and nearly all usage falls into the current one. */
const found = new Map<string, Bounds>()
const mostFound = 10_000

/**
 * The period of a meter that an instant belongs to. Periods tile time: every instant is in exactly one. Throws a
 * RangeError for an unknown timezone or an invalid date.
 */
export function periodOf(meterPeriod: MeterPeriod, instant: Date, rule: PeriodRule): Period {
  if (meterPeriod === 'total' || meterPeriod === 'none') return { key: 'total', startsAt: new Date(0), endsAt: null }
  const { timezone, anchor = 'calendar', memory = '' } = rule
  const time = timeOf(instant)
  const subscribed = meterPeriod !== 'month' || anchor === 'calendar' ? null : timeOf(anchor.subscription)
  const name = `${meterPeriod} ${timezone} ${subscribed} ${memory}`
  let bounds = found.get(name)
  if (bounds === undefined || time < bounds.start || time >= bounds.end) {
    bounds = boundsAt(zoneOf(timezone), time, meterPeriod, subscribed)
    remember(name, bounds)
  }
  return { key: bounds.key, startsAt: new Date(bounds.start), endsAt: new Date(bounds.end) }
}

function remember(name: string, bounds: Bounds) {
  found.delete(name)
  const [oldest] = found.size < mostFound ? [] : found.keys()
  if (oldest !== undefined) found.delete(oldest)
  found.set(name, bounds)
}

function boundsAt(
  zone: IANAZone,
  time: number,
  meterPeriod: 'hour' | 'day' | 'month',
  subscribed: number | null,
): Bounds {
  if (meterPeriod === 'hour') return hourAt(zone, time)
  const today = localDay(zone, time)
  if (meterPeriod === 'day') return daysAt(zone, time, 0, (index) => today.plus({ days: index }))

  const first = subscribed === null ? today.startOf('month') : localDay(zone, subscribed)
  const months = (today.year - first.year) * 12 + today.month - first.month
  // Counted from the original day each time: 31 January, 28 February, 31 March.
  return daysAt(zone, time, months, (index) => first.plus({ months: index }))
}

function zoneOf(timezone: string): IANAZone {
  const zone = IANAZone.create(timezone)
  if (!zone.isValid) throw new RangeError(`Unknown timezone "${timezone}".`)
  return zone
}

function timeOf(date: Date): number {
  const time = date.getTime()
  if (Number.isNaN(time)) throw new RangeError('Invalid date.')
  return time
}

/** The calendar day at an instant, held as that day's midnight in UTC, where every day exists and has 24 hours. */
function localDay(zone: IANAZone, time: number): DateTime {
  return DateTime.fromMillis(time + offsetAt(zone, time), { zone: 'utc' }).startOf('day')
}

/** The days between two neighbouring first days around `time`; `firstDay` ascends with its index, `guess` is close. */
function daysAt(zone: IANAZone, time: number, guess: number, firstDay: (index: number) => DateTime): Bounds {
  let index = guess
  while (startOfDay(zone, firstDay(index)) > time) index -= 1
  let end = startOfDay(zone, firstDay(index + 1))
  while (end <= time) {
    index += 1
    end = startOfDay(zone, firstDay(index + 1))
  }
  const day = firstDay(index)
  return { key: day.toFormat('yyyy-MM-dd'), start: startOfDay(zone, day), end }
}

/**
 * The one instant at which a local day starts: the first midnight where the clock shows two, the end of the gap where it
 * shows none. (luxon's startOf picks either midnight, by the offset it comes from, so that days would overlap.)
 */
function startOfDay(zone: IANAZone, day: DateTime): number {
  const midnight = day.toMillis()
  const before = midnight - offsetAt(zone, midnight - dayMilliseconds)
  const after = midnight - offsetAt(zone, midnight + dayMilliseconds)
  const shown = [before, after].filter((time) => time + offsetAt(zone, time) === midnight)
  return shown.length > 0 ? Math.min(...shown) : offsetChange(zone, after, before)
}

/** A local hour of one offset. It is shorter only where the clock is changed by a part of an hour. */
function hourAt(zone: IANAZone, time: number): Bounds {
  const offset = offsetAt(zone, time)
  const from = Math.floor((time + offset) / hourMilliseconds) * hourMilliseconds - offset
  const until = from + hourMilliseconds
  const start = offsetAt(zone, from) === offset ? from : offsetChange(zone, from, time)
  const end = offsetAt(zone, until - 1) === offset ? until : offsetChange(zone, time, until - 1)
  return { key: DateTime.fromMillis(start, { zone }).toFormat("yyyy-MM-dd'T'HHZZ"), start, end }
}

/** The first instant after `from`, at `until` the latest, that has the offset of `until`. */
function offsetChange(zone: IANAZone, from: number, until: number): number {
  const offset = offsetAt(zone, until)
  let [earlier, later] = [from, until]
  while (later - earlier > 1) {
    const middle = Math.floor((earlier + later) / 2)
    if (offsetAt(zone, middle) === offset) later = middle
    else earlier = middle
  }
  return later
}

/** Milliseconds that local time is ahead of UTC. */
const offsetAt = (zone: IANAZone, time: number) => zone.offset(time) * 60_000
