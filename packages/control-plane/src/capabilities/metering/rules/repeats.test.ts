import { expect, test } from 'vitest'
import type { UsageItem } from './batch.ts'
import { distinctOf, saysTheSame } from './repeats.ts'

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
  occurredAt: new Date('2026-11-21T12:00:00Z'),
  properties: null,
  ...given,
})

test('of items with the same key of a tenant the first is left; other tenants, other keys and none stand for themselves', () => {
  const items = [
    item({}),
    item({ tenantId: 'two' }),
    item({ id: 'again', meter: 'bandwidth' }),
    item({ id: 'unkeyed', key: null }),
    item({ id: 'unkeyed too', key: null }),
    item({ key: 'b' }),
  ]
  const { distinct, places } = distinctOf(items)
  expect(distinct).toEqual([items[0], items[1], items[3], items[4], items[5]])
  expect(places).toEqual([0, 1, 0, 2, 3, 4])
})

test('a key says the same with the same meter and amount; what a gauge is set to counts by its difference, which is another', () => {
  expect(saysTheSame(item({ id: 'again' }), item({}))).toBe(true)
  expect(saysTheSame(item({ amount: 2 }), item({}))).toBe(false)
  expect(saysTheSame(item({ meter: 'storage' }), item({}))).toBe(false)
  expect(saysTheSame(item({ mode: 'set', amount: 7 }), item({ mode: 'set' }))).toBe(true)
})
