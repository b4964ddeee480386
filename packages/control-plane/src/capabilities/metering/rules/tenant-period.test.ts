import fc from 'fast-check'
import { describe, expect, inject, test } from 'vitest'
import { afterTimezoneChange, type MeteredTenant, periodOfTenant } from './tenant-period.ts'

const createdAt = new Date('2026-01-31T09:00:00Z')
const at = (instant: string) => new Date(instant)
const inUtc: MeteredTenant = { timezone: 'UTC', formerTimezones: [], createdAt }

function changed(tenant: MeteredTenant, timezone: string, now: Date): MeteredTenant {
  return { ...tenant, timezone, formerTimezones: afterTimezoneChange(tenant, timezone, now) }
}

describe('a new timezone', () => {
  const west = changed(inUtc, 'Pacific/Pago_Pago', at('2026-11-21T06:00:00Z')) // UTC-11

  test('leaves the day and the month as they are in which it was changed', () => {
    expect(periodOfTenant('day', at('2026-11-21T06:00:01Z'), west).key).toBe('2026-11-21')
    expect(periodOfTenant('day', at('2026-11-21T23:59:59Z'), west).key).toBe('2026-11-21')
    expect(periodOfTenant('month', at('2026-11-30T23:59:59Z'), west).key).toBe('2026-11-01')
  })

  test('counts from the next period on', () => {
    // At midnight in UTC it is still the 21st there: the same day goes on, until it ends there too.
    expect(periodOfTenant('day', at('2026-11-22T10:59:59Z'), west).key).toBe('2026-11-21')
    expect(periodOfTenant('day', at('2026-11-22T11:00:00Z'), west).key).toBe('2026-11-22')
    expect(periodOfTenant('month', at('2026-12-01T10:59:59Z'), west).key).toBe('2026-11-01')
    expect(periodOfTenant('month', at('2026-12-01T11:00:00Z'), west).key).toBe('2026-12-01')
  })

  test('is told of from the moment of the change: the period ends when the next one begins', () => {
    expect(periodOfTenant('day', at('2026-11-21T07:00:00Z'), west).endsAt).toEqual(at('2026-11-22T11:00:00Z'))
    const east = changed(inUtc, 'Pacific/Kiritimati', at('2026-11-21T06:00:00Z'))
    expect(periodOfTenant('day', at('2026-11-21T07:00:00Z'), east).endsAt).toEqual(at('2026-11-22T00:00:00Z'))
    expect(periodOfTenant('day', at('2026-11-22T00:00:00Z'), east)).toEqual({
      key: '2026-11-22',
      startsAt: at('2026-11-22T00:00:00Z'),
      endsAt: at('2026-11-22T10:00:00Z'),
    })
  })

  test('changes nothing about what happened before', () => {
    expect(periodOfTenant('day', at('2026-11-20T05:00:00Z'), west).key).toBe('2026-11-20')
    expect(periodOfTenant('hour', at('2026-11-21T05:30:00Z'), west)).toEqual(
      periodOfTenant('hour', at('2026-11-21T05:30:00Z'), inUtc),
    )
  })

  test('that is changed again on the same day never counts', () => {
    const twice = changed(west, 'Pacific/Kiritimati', at('2026-11-21T07:00:00Z')) // UTC+14
    expect(twice.formerTimezones).toEqual([{ timezone: 'UTC', until: '2026-11-21T06:00:00.000Z' }])
    expect(periodOfTenant('day', at('2026-11-21T23:00:00Z'), twice).key).toBe('2026-11-21')
    expect(periodOfTenant('day', at('2026-11-22T00:00:00Z'), twice).key).toBe('2026-11-22')
    expect(changed(twice, 'UTC', at('2026-11-21T08:00:00Z')).formerTimezones).toEqual([])
  })

  test('that a month ends before it took effect for months is passed over there, and not for days', () => {
    const later = changed(west, 'Pacific/Kiritimati', at('2026-11-25T00:00:00Z'))
    expect(periodOfTenant('month', at('2026-11-30T23:59:59Z'), later).key).toBe('2026-11-01')
    expect(periodOfTenant('month', at('2026-12-01T00:00:00Z'), later).key).toBe('2026-12-01')
    expect(periodOfTenant('day', at('2026-11-24T10:00:00Z'), later).key).toBe('2026-11-23')
  })
})

test('the months of a subscription start on the day it began, in February on the last', () => {
  const month = (instant: string) => periodOfTenant('month', at(instant), inUtc, 'subscription')
  expect(month('2026-02-27T23:59:59Z').key).toBe('2026-01-31')
  expect(month('2026-02-28T00:00:00Z')).toEqual({
    key: '2026-02-28',
    startsAt: at('2026-02-28T00:00:00Z'),
    endsAt: at('2026-03-31T00:00:00Z'),
  })
})

test('what is remembered does not grow with the changes of a day, and ends after a while', () => {
  const day = Array.from({ length: 50 }, (_, minute) => new Date(Date.UTC(2026, 10, 21, 6, minute)))
  const often = day.reduce(
    (tenant, now, index) => changed(tenant, index % 2 ? 'Asia/Tokyo' : 'America/Lima', now),
    inUtc,
  )
  expect(often.formerTimezones).toHaveLength(1)
  expect(changed(often, 'UTC', at('2027-11-21T06:00:00Z')).formerTimezones).toHaveLength(1)
})

test('whatever is changed and whenever, periods tile time: each instant is in its own, and the next begins where one ends', {
  timeout: 300_000,
  tags: 'soak',
}, () => {
  const zone = fc.constantFrom('UTC', 'Pacific/Pago_Pago', 'Pacific/Kiritimati', 'America/New_York', 'Asia/Kolkata')
  const hours = fc.integer({ min: 1, max: 24 * 40 })
  const start = at('2026-10-20T00:30:00Z')
  fc.assert(
    fc.property(fc.array(fc.tuple(zone, hours), { maxLength: 6 }), fc.constantFrom('day', 'month'), (changes, kind) => {
      const meterPeriod = kind as 'day' | 'month'
      let now = start.getTime()
      const tenant = changes.reduce((before, [timezone, after]) => {
        now += after * 3_600_000
        return changed(before, timezone, new Date(now))
      }, inUtc)
      let period = periodOfTenant(meterPeriod, start, tenant)
      while (period.startsAt.getTime() < now + 40 * 86_400_000) {
        const endsAt = period.endsAt as Date
        const next = periodOfTenant(meterPeriod, endsAt, tenant)
        const before = periodOfTenant(meterPeriod, new Date(endsAt.getTime() - 1), tenant)
        expect(before).toEqual(period)
        expect(next.startsAt).toEqual(endsAt)
        expect(next.key > period.key).toBe(true)
        period = next
      }
    }),
    { numRuns: inject('soak') ? 2_000 : 60 },
  )
})
