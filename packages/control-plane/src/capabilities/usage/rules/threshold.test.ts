import { expect, test } from 'vitest'
import { type Alert, highestOfEach, standingAt } from './threshold.ts'

const alert = (fields: Partial<Alert> = {}): Alert => ({
  meter: 'tokens',
  percent: 80,
  used: 85_000,
  included: 100_000,
  hardLimit: 110_000,
  graceDays: 7,
  span: '2026-11-01',
  limitVersion: 1,
  ...fields,
})

test('of each meter the highest counts, and the hard limit most', () => {
  const [eighty, hundred, hard] = [alert(), alert({ percent: 100 }), alert({ percent: null })]
  const storage = alert({ meter: 'storage', percent: 90 })
  expect(highestOfEach([eighty, hard, storage, hundred])).toEqual([hard, storage])
  expect(highestOfEach([hundred, eighty])).toEqual([hundred])
  expect(highestOfEach([])).toEqual([])
})

test('what was reached of a former limit or in a former period counts less', () => {
  const [former, now] = [alert({ percent: null, limitVersion: 1 }), alert({ limitVersion: 2 })]
  expect(highestOfEach([now, former])).toEqual([now])
  const [october, november] = [alert({ percent: 100, span: '2026-10-01' }), alert({ span: '2026-11-01' })]
  expect(highestOfEach([october, november])).toEqual([november])
})

const thresholds = [80, 90, 100]
const now = new Date('2026-11-21T10:00:00Z')

test('grace ends so many days after the limit was first passed, and with it what may be used beyond', () => {
  const passed = alert({ percent: 100, used: 105_000 })
  const standing = (overSince: string | null) =>
    standingAt(
      passed,
      { overSince: overSince === null ? null : new Date(overSince), isSameSpan: true, now },
      thresholds,
    )
  expect(standing('2026-11-21T09:00:00Z')).toEqual({
    hardLimit: 110_000,
    state: 'grace',
    graceEndsAt: new Date('2026-11-28T09:00:00Z'),
  })
  expect(standing('2026-11-14T10:00:00Z')).toEqual({ hardLimit: 100_000, state: 'blocked', graceEndsAt: null })
  expect(standing(null)).toMatchObject({ state: 'grace', graceEndsAt: null })
})

test('at the limit itself grace has not begun', () => {
  const reached = alert({ percent: 100, used: 100_000 })
  const standing = standingAt(reached, { overSince: null, isSameSpan: false, now }, thresholds)
  expect(standing).toEqual({ hardLimit: 110_000, state: 'warning', graceEndsAt: null })
})
