import fc from 'fast-check'
import { DateTime } from 'luxon'
import { expect, test } from 'vitest'
import { endOfQuietHours, type QuietHours } from './quiet-hours.ts'

const night: QuietHours = { enabled: true, start: '22:00', end: '08:00', timezone: 'UTC' }
const until = (now: string, quiet: Partial<QuietHours> = {}) =>
  endOfQuietHours(new Date(now), { ...night, ...quiet })?.toISOString() ?? null

test.each([
  ['before they begin', '2026-11-21T21:59:59.999Z', null],
  ['as they begin', '2026-11-21T22:00:00Z', '2026-11-22T08:00:00.000Z'],
  ['before midnight', '2026-11-21T23:59:59.500Z', '2026-11-22T08:00:00.000Z'],
  ['after midnight', '2026-11-22T00:00:00Z', '2026-11-22T08:00:00.000Z'],
  ['in their last millisecond', '2026-11-22T07:59:59.999Z', '2026-11-22T08:00:00.000Z'],
  ['as they end', '2026-11-22T08:00:00Z', null],
])('quiet hours over midnight, %s', (_, now, end) => {
  expect(until(now)).toBe(end)
})

test('quiet hours within a day end on that day', () => {
  const midday = { start: '12:00', end: '14:30' }
  expect(until('2026-11-21T12:10:20Z', midday)).toBe('2026-11-21T14:30:00.000Z')
  expect(until('2026-11-21T11:59:00Z', midday)).toBeNull()
  expect(until('2026-11-21T14:30:00Z', midday)).toBeNull()
})

test('quiet hours that are off, or last no time, hold nothing back', () => {
  expect(until('2026-11-21T23:00:00Z', { enabled: false })).toBeNull()
  expect(until('2026-11-21T22:00:00Z', { end: '22:00' })).toBeNull()
})

test('quiet hours are those of their timezone', () => {
  expect(until('2026-11-21T23:00:00Z', { timezone: 'America/New_York' })).toBeNull()
  expect(until('2026-11-22T03:00:00Z', { timezone: 'America/New_York' })).toBe('2026-11-22T13:00:00.000Z')
  expect(until('2026-11-21T16:15:00Z', { timezone: 'Asia/Kathmandu' })).toBe('2026-11-22T02:15:00.000Z')
})

test.each([
  ['an hour shorter where the clock goes forward', '2026-03-28T22:00:00Z', {}, '2026-03-29T06:00:00.000Z'],
  ['an hour longer where it goes back', '2026-10-24T21:00:00Z', {}, '2026-10-25T07:00:00.000Z'],
  ['over at once where their end is left out', '2026-03-28T23:00:00Z', { end: '02:30' }, '2026-03-29T01:00:00.000Z'],
  ['over where their end is shown first', '2026-10-24T22:00:00Z', { end: '02:30' }, '2026-10-25T00:30:00.000Z'],
  ['quiet again in the hour shown twice', '2026-10-25T01:10:00Z', { end: '02:30' }, '2026-10-25T01:30:00.000Z'],
  [
    'later where they begin in an hour left out',
    '2026-03-29T01:00:00Z',
    { start: '02:30', end: '04:00' },
    '2026-03-29T02:00:00.000Z',
  ],
])('in Paris the night of a change of the clock is %s', (_, now, quiet, end) => {
  expect(until(now, { timezone: 'Europe/Paris', ...quiet })).toBe(end)
})

test('whatever the hours, the zone and the instant: it is quiet until the end, and no more at the end', () => {
  const minute = fc.integer({ min: 0, max: 1_439 })
  const shownAs = (minutes: number) =>
    `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
  const zones = ['Europe/Paris', 'Australia/Lord_Howe', 'America/St_Johns', 'Africa/Casablanca', 'Pacific/Apia']
  const instants = fc.date({ min: new Date('2026-01-01'), max: new Date('2028-01-01'), noInvalidDate: true })
  fc.assert(
    fc.property(instants, minute, minute, fc.constantFrom(...zones), (now, from, to, timezone) => {
      const quiet = { enabled: true, start: shownAs(from), end: shownAs(to), timezone }
      const isQuiet = (at: number) => {
        const shown = DateTime.fromMillis(at, { zone: timezone }).toFormat('HH:mm')
        return quiet.start <= quiet.end
          ? quiet.start <= shown && shown < quiet.end
          : quiet.start <= shown || shown < quiet.end
      }
      const end = endOfQuietHours(now, quiet)
      expect(end !== null).toBe(isQuiet(now.getTime()))
      if (end === null) return
      expect(isQuiet(end.getTime())).toBe(false)
      for (let at = now.getTime(); at < end.getTime(); at += 7 * 60_000) expect(isQuiet(at)).toBe(true)
      expect(isQuiet(end.getTime() - 1)).toBe(true)
    }),
    { numRuns: 200 },
  )
})
