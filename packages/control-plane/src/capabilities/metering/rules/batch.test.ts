import { expect, test } from 'vitest'
import { batchOf, plainArray, textArray, type UsageItem } from './batch.ts'

const item = (tenantId: string, meter: string, period: string) => ({ tenantId, meter, period }) as UsageItem

test('items of one tenant, meter and period share a target', () => {
  const first = item('a', 'tokens', '2026-11-01')
  const { targets, places } = batchOf([
    first,
    item('a', 'tokens', '2026-10-01'),
    item('b', 'tokens', '2026-11-01'),
    item('a', 'tokens', '2026-11-01'),
    item('a', 'storage', '2026-11-01'),
  ])
  expect(places).toEqual([1, 2, 3, 1, 4])
  expect(targets[0]).toBe(first)
  expect(targets).toHaveLength(4)
})

test('arrays are written as PostgreSQL reads them, whatever their texts hold', () => {
  expect(plainArray([1, null, -3, true, '2026-11-21'])).toBe('{1,NULL,-3,true,2026-11-21}')
  expect(textArray(['plain', null, 'NULL', 'a "b" \\ {c}, d', ''])).toBe(
    '{"plain",NULL,"NULL","a \\"b\\" \\\\ {c}, d",""}',
  )
})
