export type Granularity = 'day' | 'week' | 'month'

const dayMilliseconds = 86_400_000

/** Days are dates of a calendar, `2026-11-21`, whatever the timezone. */
export const dayAfter = (day: string, count = 1) =>
  new Date(Date.parse(day) + count * dayMilliseconds).toISOString().slice(0, 10)

/** Both included. */
export const countDays = (from: string, to: string) => (Date.parse(to) - Date.parse(from)) / dayMilliseconds + 1

/** The first day of the week, from Monday, or month that a day belongs to. */
export function startOf(granularity: Granularity, day: string): string {
  if (granularity === 'day') return day
  if (granularity === 'month') return `${day.slice(0, 8)}01`
  const sinceMonday = (new Date(day).getUTCDay() + 6) % 7
  return dayAfter(day, -sinceMonday)
}

/** In order, the one that `from` belongs to first. */
export function startsBetween(granularity: Granularity, from: string, to: string): string[] {
  const days = Array.from({ length: countDays(from, to) }, (_, index) => dayAfter(from, index))
  return [...new Set(days.map((day) => startOf(granularity, day)))]
}
