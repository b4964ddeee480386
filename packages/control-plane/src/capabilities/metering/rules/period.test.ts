import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type MeterPeriod, type PeriodRule, periodOf } from './period.ts'

const hours = (count: number) => count * 3_600_000
const at = (text: string) => new Date(text)

function shown(meterPeriod: MeterPeriod, instant: string | Date, rule: PeriodRule) {
  const { key, startsAt, endsAt } = periodOf(meterPeriod, new Date(instant), rule)
  return [key, startsAt.toISOString(), endsAt?.toISOString() ?? null]
}

describe('a calendar period', () => {
  test('is the month or day of the timezone, not of UTC', () => {
    const rule = { timezone: 'Asia/Tokyo' }
    expect(shown('month', '2026-10-31T15:00:00Z', rule)).toEqual([
      '2026-11-01',
      '2026-10-31T15:00:00.000Z',
      '2026-11-30T15:00:00.000Z',
    ])
    expect(shown('day', '2026-10-31T14:59:59.999Z', rule)).toEqual([
      '2026-10-31',
      '2026-10-30T15:00:00.000Z',
      '2026-10-31T15:00:00.000Z',
    ])
  })

  test('is what counts where no anchor is given', () => {
    const calendar = shown('month', '2026-11-15T00:00:00Z', { timezone: 'UTC', anchor: 'calendar' })
    expect(shown('month', '2026-11-15T00:00:00Z', { timezone: 'UTC' })).toEqual(calendar)
    expect(calendar).toEqual(['2026-11-01', '2026-11-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z'])
  })

  test('ends with 29 February in a leap year', () => {
    expect(shown('month', '2028-02-29T23:59:59Z', { timezone: 'UTC' })[2]).toBe('2028-03-01T00:00:00.000Z')
    expect(shown('day', '2028-02-29T12:00:00Z', { timezone: 'UTC' })[0]).toBe('2028-02-29')
  })
})

describe('a day', () => {
  const lengthOf = (instant: string, timezone: string) => {
    const { startsAt, endsAt } = periodOf('day', at(instant), { timezone })
    return endsAt === null ? null : endsAt.getTime() - startsAt.getTime()
  }

  test('has 23 hours when the clock is set forward and 25 when it is set back', () => {
    expect(lengthOf('2026-03-08T12:00:00Z', 'America/New_York')).toBe(hours(23))
    expect(lengthOf('2026-11-01T12:00:00Z', 'America/New_York')).toBe(hours(25))
    expect(lengthOf('2026-11-02T12:00:00Z', 'America/New_York')).toBe(hours(24))
  })

  test('starts at one o’clock where the clock skips midnight', () => {
    const day = shown('day', '2018-11-04T12:00:00Z', { timezone: 'America/Sao_Paulo' })
    expect(day).toEqual(['2018-11-04', '2018-11-04T03:00:00.000Z', '2018-11-05T02:00:00.000Z'])
  })

  test('starts with the change where the clock jumps over midnight from the evening before', () => {
    const day = shown('day', '1919-03-31T12:00:00Z', { timezone: 'America/Toronto' })
    expect(day).toEqual(['1919-03-31', '1919-03-31T04:30:00.000Z', '1919-04-01T04:00:00.000Z'])
  })

  test('keeps its last hour where the clock goes back from midnight', () => {
    const day = ['2018-02-17', '2018-02-17T02:00:00.000Z', '2018-02-18T03:00:00.000Z']
    expect(shown('day', '2018-02-18T01:30:00Z', { timezone: 'America/Sao_Paulo' })).toEqual(day)
    expect(shown('day', '2018-02-18T02:30:00Z', { timezone: 'America/Sao_Paulo' })).toEqual(day)
  })

  test('starts at the first of two midnights, whichever side of the change is asked for', () => {
    const day = ['2026-11-01', '2026-11-01T04:00:00.000Z', '2026-11-02T05:00:00.000Z']
    for (const instant of ['2026-11-01T04:30:00Z', '2026-11-01T05:30:00Z', '2026-11-01T17:00:00Z']) {
      expect(shown('day', instant, { timezone: 'America/Havana' })).toEqual(day)
    }
    expect(shown('month', '2026-11-20T00:00:00Z', { timezone: 'America/Havana' })[1]).toBe('2026-11-01T04:00:00.000Z')
  })

  test('that a timezone leaves out altogether is nobody’s period', () => {
    const change = '2011-12-30T10:00:00.000Z'
    expect(shown('day', '2011-12-30T09:59:59Z', { timezone: 'Pacific/Apia' })).toEqual([
      '2011-12-29',
      '2011-12-29T10:00:00.000Z',
      change,
    ])
    expect(shown('day', change, { timezone: 'Pacific/Apia' })).toEqual([
      '2011-12-31',
      change,
      '2011-12-31T10:00:00.000Z',
    ])
  })
})

describe('an hour', () => {
  test('is told apart from the one before when the clock shows it twice', () => {
    const rule = { timezone: 'America/New_York' }
    expect(shown('hour', '2026-11-01T05:59:00Z', rule)[0]).toBe('2026-11-01T01-04:00')
    expect(shown('hour', '2026-11-01T06:00:00Z', rule)[0]).toBe('2026-11-01T01-05:00')
  })

  test('follows the clock of a zone whose offset has minutes', () => {
    const hour = shown('hour', '2026-11-01T12:50:00Z', { timezone: 'Asia/Kathmandu' })
    expect(hour).toEqual(['2026-11-01T18+05:45', '2026-11-01T12:15:00.000Z', '2026-11-01T13:15:00.000Z'])
  })

  test('is cut short where the clock is set back by half an hour', () => {
    const rule = { timezone: 'Australia/Lord_Howe' }
    const change = '2026-04-04T15:00:00.000Z'
    expect(shown('hour', '2026-04-04T14:59:00Z', rule)).toEqual([
      '2026-04-05T01+11:00',
      '2026-04-04T14:00:00.000Z',
      change,
    ])
    expect(shown('hour', '2026-04-04T15:10:00Z', rule)).toEqual([
      '2026-04-05T01+10:30',
      change,
      '2026-04-04T15:30:00.000Z',
    ])
  })
})

describe('a subscription month', () => {
  const monthsFrom = (subscription: string, timezone: string, first: string, count: number) => {
    const rule = { timezone, anchor: { subscription: at(subscription) } }
    const keys: string[] = []
    let next: Date | null = at(first)
    while (next !== null && keys.length < count) {
      const period = periodOf('month', next, rule)
      keys.push(period.key)
      next = period.endsAt
    }
    return keys
  }

  test('from 31 January goes to the end of shorter months and back to the 31st', () => {
    const keys = monthsFrom('2027-01-31T10:00:00Z', 'UTC', '2027-01-31T10:00:00Z', 15)
    expect(keys.slice(0, 5)).toEqual(['2027-01-31', '2027-02-28', '2027-03-31', '2027-04-30', '2027-05-31'])
    expect(keys.slice(12)).toEqual(['2028-01-31', '2028-02-29', '2028-03-31'])
  })

  test('from 29 February comes back to the 29th in every other month', () => {
    const keys = monthsFrom('2024-02-29T00:00:00Z', 'UTC', '2025-01-29T00:00:00Z', 3)
    expect(keys).toEqual(['2025-01-29', '2025-02-28', '2025-03-29'])
  })

  test('starts with the local day on which the subscription began', () => {
    const rule = { timezone: 'America/New_York', anchor: { subscription: at('2026-02-01T04:30:00Z') } }
    const first = shown('month', '2026-02-01T04:30:00Z', rule)
    expect(first).toEqual(['2026-01-31', '2026-01-31T05:00:00.000Z', '2026-02-28T05:00:00.000Z'])
  })

  test('covers usage from before the subscription too', () => {
    const rule = { timezone: 'UTC', anchor: { subscription: at('2026-03-31T10:00:00Z') } }
    expect(shown('month', '2026-03-01T00:00:00Z', rule)[0]).toBe('2026-02-28')
  })

  test('leaves days and hours as they are', () => {
    const rule = { timezone: 'UTC', anchor: { subscription: at('2026-03-31T10:30:00Z') } }
    expect(shown('day', '2026-05-05T05:05:00Z', rule)[1]).toBe('2026-05-05T00:00:00.000Z')
    expect(shown('hour', '2026-05-05T05:05:00Z', rule)[1]).toBe('2026-05-05T05:00:00.000Z')
  })
})

describe('what has no period', () => {
  test.each(['total', 'none'] as const)('has one that never ends: %s', (meterPeriod) => {
    expect(shown(meterPeriod, '2026-05-05T00:00:00Z', { timezone: 'UTC' })).toEqual([
      'total',
      '1970-01-01T00:00:00.000Z',
      null,
    ])
  })
})

test('an unknown timezone and an invalid date are refused', () => {
  expect(() => periodOf('day', at('2026-05-05T00:00:00Z'), { timezone: 'Mars/Olympus' })).toThrow(RangeError)
  expect(() => periodOf('day', new Date(Number.NaN), { timezone: 'UTC' })).toThrow(RangeError)
  const anchor = { subscription: new Date(Number.NaN) }
  expect(() => periodOf('month', at('2026-05-05T00:00:00Z'), { timezone: 'UTC', anchor })).toThrow(RangeError)
})

test('a changed answer does not change the next one', () => {
  const rule = { timezone: 'Europe/Paris' }
  periodOf('day', at('2026-05-05T12:00:00Z'), rule).startsAt.setTime(0)
  expect(shown('day', '2026-05-05T13:00:00Z', rule)[1]).toBe('2026-05-04T22:00:00.000Z')
})

describe('for every instant, timezone and anchor', () => {
  const timezone = fc.constantFrom(
    'UTC',
    'America/New_York',
    'America/Sao_Paulo',
    'America/Havana',
    'America/St_Johns',
    'Africa/Casablanca',
    'Asia/Beirut',
    'Asia/Kathmandu',
    'Atlantic/Azores',
    'Australia/Lord_Howe',
    'Europe/Berlin',
    'Pacific/Apia',
    'Pacific/Kiritimati',
  )
  const anyInstant = fc.date({ min: at('2000-01-01T00:00:00Z'), max: at('2045-01-01T00:00:00Z'), noInvalidDate: true })
  const changes = [
    '2006-10-29T02:31:00Z',
    '2011-12-30T10:00:00Z',
    '2018-02-18T02:00:00Z',
    '2018-11-04T03:00:00Z',
    '2026-04-04T15:00:00Z',
    '2026-10-25T01:00:00Z',
    '2026-11-01T05:00:00Z',
  ]
  const nearChange = fc
    .tuple(
      fc.constantFrom(...changes.map((change) => at(change).getTime())),
      fc.integer({ min: -hours(50), max: hours(50) }),
    )
    .map(([change, distance]) => new Date(change + distance))
  const instant = fc.oneof(anyInstant, nearChange)
  const anchor = fc.oneof(fc.constant('calendar' as const), fc.record({ subscription: instant }))
  const meterPeriod = fc.constantFrom('hour' as const, 'day' as const, 'month' as const)
  const asked = fc.tuple(meterPeriod, instant, fc.record({ timezone, anchor }))

  function bounds([period, time, rule]: [MeterPeriod, Date | number, PeriodRule]) {
    // Asking for another period first makes each answer a derived one, not the remembered one of the question before.
    periodOf(period, at('1999-06-15T00:00:00Z'), rule)
    const { key, startsAt, endsAt } = periodOf(period, new Date(time), rule)
    return { key, start: startsAt.getTime(), end: endsAt?.getTime() ?? Number.POSITIVE_INFINITY }
  }

  test('the instant lies in its period, and so does every other of that period and none outside', () => {
    fc.assert(
      fc.property(asked, fc.nat(999), ([period, time, rule], permille) => {
        const own = bounds([period, time, rule])
        expect(own.start).toBeLessThanOrEqual(time.getTime())
        expect(own.end).toBeGreaterThan(time.getTime())
        const inside = own.start + Math.floor(((own.end - own.start) * permille) / 1000)
        for (const other of [own.start, inside, own.end - 1]) expect(bounds([period, other, rule])).toEqual(own)
        for (const other of [own.start - 1, own.end]) expect(bounds([period, other, rule]).key).not.toBe(own.key)
      }),
    )
  })

  test('neighbouring periods touch, without gap or overlap', () => {
    fc.assert(
      fc.property(asked, ([period, time, rule]) => {
        const own = bounds([period, time, rule])
        expect(bounds([period, own.end, rule]).start).toBe(own.end)
        expect(bounds([period, own.start - 1, rule]).end).toBe(own.start)
      }),
    )
  })

  test('days and months start where the local calendar first shows their key', () => {
    fc.assert(
      fc.property(fc.constantFrom('day' as const, 'month' as const), instant, timezone, (period, time, zone) => {
        const calendar = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' })
        const { key, start } = bounds([period, time, { timezone: zone }])
        expect(calendar.format(start)).toBe(key)
        expect(calendar.format(start - 1) < key).toBe(true)
      }),
    )
  })

  test('months never drift: the nth starts on the day of the first, or on the last there is', () => {
    const day = fc.integer({ min: 1, max: 31 })
    fc.assert(
      fc.property(day, fc.integer({ min: 0, max: 400 }), timezone, (dayOfMonth, count, zone) => {
        const rule = { timezone: zone, anchor: { subscription: new Date(Date.UTC(2014, 0, dayOfMonth, 12)) } }
        const original = Number(periodOf('day', rule.anchor.subscription, rule).key.slice(-2))
        const lastDay = new Date(Date.UTC(2014, count + 1, 0)).getUTCDate()
        const expected = new Date(Date.UTC(2014, count, Math.min(original, lastDay)))
        // Two days later it has started in every timezone.
        expect(periodOf('month', new Date(expected.getTime() + hours(48)), rule).key).toBe(
          expected.toISOString().slice(0, 10),
        )
      }),
    )
  })
})
