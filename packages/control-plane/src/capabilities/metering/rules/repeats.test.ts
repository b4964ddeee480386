import { expect, test } from 'vitest'
import type { UsageItem } from './batch.ts'
import { repeatsOf } from './repeats.ts'

const noon = new Date('2026-11-21T12:00:00Z')
const item = (given: Partial<UsageItem>): UsageItem => ({
  tenantId: 'one',
  meter: 'tokens',
  period: '2026-11-01',
  span: '2026-11-01',
  isCurrent: true,
  id: 'first',
  key: 'a',
  amount: 1,
  mode: 'track',
  sequence: null,
  day: '2026-11-21',
  occurredAt: noon,
  properties: null,
  ...given,
})

test('an item repeats the first of its tenant that has its key; other tenants, other keys and none stand for themselves', () => {
  const items = [
    item({}),
    item({ tenantId: 'two' }),
    item({ meter: 'bandwidth' }),
    item({ key: null }),
    item({ key: null }),
    item({ key: 'b' }),
    item({}),
  ]
  const repeat = { first: 0, period: '2026-11-01', occurredAt: noon }
  expect(repeatsOf(items)).toEqual([
    ...[null, null, { ...repeat, isSame: false }, null, null, null],
    { ...repeat, isSame: true },
  ])
})

test('it says the same with the same meter and amount; what a gauge is set to counts by its difference, which is another', () => {
  const isSame = (given: Partial<UsageItem>, first: Partial<UsageItem> = {}) =>
    repeatsOf([item(first), item(given)])[1]?.isSame
  expect(isSame({})).toBe(true)
  expect(isSame({ amount: 2 })).toBe(false)
  expect(isSame({ meter: 'storage' })).toBe(false)
  expect(isSame({ mode: 'set', amount: 7 }, { mode: 'set' })).toBe(true)
})
