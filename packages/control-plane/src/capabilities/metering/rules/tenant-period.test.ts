import fc from 'fast-check'
import { describe, expect, inject, test } from 'vitest'
import { afterChange, type Counting, type MeteredTenant, periodOfTenant } from './tenant-period.ts'

const createdAt = new Date('2026-01-31T09:00:00Z')
const at = (instant: string) => new Date(instant)
type Counted = MeteredTenant & Counting
const inUtc: Counted = { timezone: 'UTC', anchor: 'calendar', formerTimezones: [], createdAt }

function changedTo(tenant: Counted, to: Partial<Counting>, until: Date): Counted {
  const before = { timezone: tenant.timezone, anchor: tenant.anchor }
  const after = { ...before, ...to }
  return { ...tenant, ...after, formerTimezones: afterChange(tenant, { before, after, until }) }
}

const changed = (tenant: Counted, timezone: string, until: Date) => changedTo(tenant, { timezone }, until)

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
    expect(twice.formerTimezones).toEqual([{ timezone: 'UTC', anchor: 'calendar', until: '2026-11-21T06:00:00.000Z' }])
    expect(periodOfTenant('day', at('2026-11-21T23:00:00Z'), twice).key).toBe('2026-11-21')
    expect(periodOfTenant('day', at('2026-11-22T00:00:00Z'), twice).key).toBe('2026-11-22')
    expect(changed(twice, 'UTC', at('2026-11-21T08:00:00Z')).formerTimezones).toEqual([])
  })

  test('that is left again while a day goes on for longer leaves that as it is', () => {
    const back = changed(west, 'UTC', at('2026-11-22T05:00:00Z'))
    expect(periodOfTenant('day', at('2026-11-22T05:00:01Z'), back).key).toBe('2026-11-21')
    expect(periodOfTenant('day', at('2026-11-22T11:00:00Z'), back).key).toBe('2026-11-22')
  })

  test('that a month ends before it took effect for months is passed over there, and not for days', () => {
    const later = changed(west, 'Pacific/Kiritimati', at('2026-11-25T00:00:00Z'))
    expect(periodOfTenant('month', at('2026-11-30T23:59:59Z'), later).key).toBe('2026-11-01')
    expect(periodOfTenant('month', at('2026-12-01T00:00:00Z'), later).key).toBe('2026-12-01')
    expect(periodOfTenant('day', at('2026-11-24T10:00:00Z'), later).key).toBe('2026-11-23')
  })
})

describe('another anchor', () => {
  const month = (instant: string, tenant: Counted) => periodOfTenant('month', at(instant), tenant, tenant.anchor)
  const subscribed = changedTo(inUtc, { anchor: 'subscription' }, at('2026-11-10T06:00:00Z'))
  const november = { key: '2026-11-01', startsAt: at('2026-11-01T00:00:00Z'), endsAt: at('2026-12-01T00:00:00Z') }

  test('leaves the month as it is in which it was changed, and counts from its end on', () => {
    for (const instant of ['2026-11-09T00:00:00Z', '2026-11-10T06:00:01Z', '2026-11-30T23:59:59.999Z'])
      expect(month(instant, subscribed)).toEqual(november)
    expect(month('2026-12-01T00:00:00Z', subscribed)).toEqual({
      key: '2026-11-30',
      startsAt: at('2026-12-01T00:00:00Z'),
      endsAt: at('2026-12-31T00:00:00Z'),
    })
    expect(month('2026-12-31T00:00:00Z', subscribed).key).toBe('2026-12-31')
  })

  test('that is left again ends likewise, and one that is left in the same month never counts', () => {
    const back = changedTo(subscribed, { anchor: 'calendar' }, at('2027-01-10T00:00:00Z'))
    expect(month('2027-01-30T23:59:59Z', back).key).toBe('2026-12-31')
    expect(month('2027-01-31T00:00:00Z', back)).toEqual({
      key: '2027-01-01',
      startsAt: at('2027-01-31T00:00:00Z'),
      endsAt: at('2027-02-01T00:00:00Z'),
    })
    const atOnce = changedTo(subscribed, { anchor: 'calendar' }, at('2026-11-20T00:00:00Z'))
    expect(month('2026-11-25T00:00:00Z', atOnce)).toEqual(november)
    expect(month('2026-12-01T00:00:00Z', atOnce).key).toBe('2026-12-01')
  })

  test('counts at once where the month before has ended with that instant', () => {
    const scheduled = changedTo(inUtc, { anchor: 'subscription' }, at('2026-11-30T23:59:59.999Z'))
    expect(month('2026-11-30T23:59:59.999Z', scheduled)).toEqual(november)
    expect(month('2026-12-01T00:00:00Z', scheduled).key).toBe('2026-11-30')
  })

  test('goes with a timezone, and leaves what was remembered before there were others', () => {
    const formerTimezones = [{ timezone: 'Asia/Tokyo', until: '2026-10-10T00:00:00.000Z' }]
    const moved = changedTo({ ...inUtc, formerTimezones }, { anchor: 'subscription' }, at('2026-11-10T06:00:00Z'))
    expect(month('2026-10-10T00:00:00Z', moved).startsAt).toEqual(at('2026-09-30T15:00:00Z'))
    expect(month('2026-11-10T00:00:00Z', moved)).toEqual(november)
    const both = changedTo(subscribed, { timezone: 'Asia/Tokyo' }, at('2026-11-10T07:00:00Z'))
    expect(changedTo(both, inUtc, at('2026-11-10T08:00:00Z')).formerTimezones).toEqual([])
    expect(month('2026-12-01T00:00:00Z', both).endsAt).toEqual(at('2026-12-30T15:00:00Z'))
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
  const anchor = fc.constantFrom<Counting['anchor']>('calendar', 'subscription')
  const change = fc.record({ timezone: zone, anchor }, { requiredKeys: [] })
  const hours = fc.integer({ min: 1, max: 24 * 40 })
  const start = at('2026-10-20T00:30:00Z')
  fc.assert(
    fc.property(
      fc.array(fc.tuple(change, hours), { maxLength: 6 }),
      fc.constantFrom('day', 'month'),
      (changes, kind) => {
        const periodAt = (instant: Date, { anchor, ...of }: Counted) =>
          periodOfTenant(kind as 'day' | 'month', instant, of, anchor)
        let now = start.getTime()
        const tenant = changes.reduce((before, [to, after]) => {
          now += after * 3_600_000
          const changed = changedTo(before, to, new Date(now))
          expect(periodAt(new Date(now), changed).key).toBe(periodAt(new Date(now), before).key)
          return changed
        }, inUtc)
        let period = periodAt(start, tenant)
        while (period.startsAt.getTime() < now + 40 * 86_400_000) {
          const endsAt = period.endsAt as Date
          const next = periodAt(endsAt, tenant)
          const before = periodAt(new Date(endsAt.getTime() - 1), tenant)
          expect(before).toEqual(period)
          expect(next.startsAt).toEqual(endsAt)
          expect(next.key > period.key).toBe(true)
          period = next
        }
      },
    ),
    { numRuns: inject('soak') ? 2_000 : 60 },
  )
})
