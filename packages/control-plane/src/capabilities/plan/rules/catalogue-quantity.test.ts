import { expect, test } from 'vitest'
import { parseQuantity, wholeNumber } from './catalogue-quantity.ts'

const sizes = { ...wholeNumber, sizes: true }

test.each([
  ['0 B', 0],
  ['512 MiB', 536_870_912],
  ['5 GiB', 5_368_709_120],
  ['5GiB', 5_368_709_120],
  ['1_024 KiB', 1_048_576],
  ['3 TiB', 3_298_534_883_328],
  ['7 PiB', 7_881_299_347_898_368],
  ['1 kB', 1000],
  ['5 GB', 5_000_000_000],
  ['5368709120', 5_368_709_120],
])('%s is exactly %i bytes', (text, bytes) => {
  expect(parseQuantity(text, sizes)).toBe(bytes)
})

test.each([
  '8 PiB',
  '1.5 GiB',
  '-1 GiB',
  '5 gib',
  '5 Gb',
  '5 KB',
  '5  GiB',
  ' 5 GiB',
  'GiB',
  '',
  '5e3',
  '0x10',
  '5 toString',
])('"%s" is no size', (text) => {
  expect(parseQuantity(text, sizes)).toBeUndefined()
})

test('a size is refused where plain numbers are meant', () => {
  expect(parseQuantity('5 GiB', wholeNumber)).toBeUndefined()
  expect(parseQuantity('5_000', wholeNumber)).toBe(5000)
})

test('a number outside of its range, a fraction and anything else is refused', () => {
  const percent = { minimum: 1, maximum: 100 }
  expect([1, 100].map((value) => parseQuantity(value, percent))).toEqual([1, 100])
  for (const value of [0, 101, 1.5, Number.NaN, Number.POSITIVE_INFINITY, true, null, undefined, [5], 5n]) {
    expect(parseQuantity(value, percent)).toBeUndefined()
  }
})
