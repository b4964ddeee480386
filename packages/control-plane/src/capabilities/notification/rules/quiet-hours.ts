import { IANAZone } from 'luxon'

export interface QuietHours {
  enabled: boolean
  /** `22:00` on the clock of the timezone, likewise the end; that before the start means on the next day. */
  start: string
  end: string
  /** IANA name. */
  timezone: string
}

const minuteMilliseconds = 60_000
const dayMinutes = 1_440

/**
 * The first instant at which the clock shows a time outside of the quiet hours; null where it does already. Hours that a
 * change of the clock leaves out or shows twice are quiet as the clock shows them.
 */
export function endOfQuietHours(now: Date, { enabled, start, end, timezone }: QuietHours): Date | null {
  const zone = IANAZone.create(timezone)
  const [from, until] = [minutesOf(start), minutesOf(end)]
  const shown = (at: number) => modulo(Math.floor(at / minuteMilliseconds) + zone.offset(at), dayMinutes)
  const isQuiet = (at: number) => {
    const time = shown(at)
    return from <= until ? time >= from && time < until : time >= from || time < until
  }
  let at = now.getTime()
  if (!enabled || !zone.isValid || !isQuiet(at)) return null
  at -= modulo(at, minuteMilliseconds)
  while (isQuiet(at)) {
    const rest = modulo(until - shown(at), dayMinutes) * minuteMilliseconds
    // Where the clock is changed until then, it comes there sooner or later than that, or never.
    at += zone.offset(at) === zone.offset(at + rest) ? rest : minuteMilliseconds
  }
  return new Date(at)
}

function minutesOf(time: string): number {
  const [hours, minutes] = time.split(':').map(Number)
  return (hours ?? 0) * 60 + (minutes ?? 0)
}

const modulo = (value: number, divisor: number) => ((value % divisor) + divisor) % divisor
