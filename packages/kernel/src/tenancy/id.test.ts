import { expect, test } from 'vitest'
import { isUuid, newId } from './id.ts'

test('ids are sorted by the time of their making, also within a millisecond', () => {
  const ids = Array.from({ length: 1_000 }, newId)
  expect(ids.toSorted()).toEqual(ids)
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.every(isUuid)).toBe(true)
  expect(new Set(ids.map((id) => id.slice(-11))).size).toBe(ids.length)
})

test.each(['', 'null', '*', '0', `${newId()} `, `{${newId()}}`, newId().replaceAll('-', ''), null, undefined, 1])(
  '%j is no id',
  (value) => {
    expect(isUuid(value)).toBe(false)
  },
)
