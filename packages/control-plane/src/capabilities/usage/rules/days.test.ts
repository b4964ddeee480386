import { describe, expect, test } from 'vitest'
import { countDays, startOf, startsBetween } from './days.ts'

describe('a day belongs', () => {
  test.each([
    ['2026-11-15', '2026-11-09'],
    ['2026-11-16', '2026-11-16'],
    ['2026-11-22', '2026-11-16'],
    ['2027-01-01', '2026-12-28'],
    ['2024-03-01', '2024-02-26'],
  ])('%s to the week from Monday, %s', (day, monday) => {
    expect(startOf('week', day)).toBe(monday)
  })

  test('to the month of its date', () => {
    expect(startOf('month', '2024-02-29')).toBe('2024-02-01')
  })
})

test('days are counted over leap days and changes of clocks, both ends included', () => {
  expect(countDays('2024-02-28', '2024-03-01')).toBe(3)
  expect(countDays('2026-03-28', '2026-03-30')).toBe(3)
  expect(countDays('2026-11-21', '2026-11-21')).toBe(1)
})

test('what lies between two days is each start once, in order', () => {
  expect(startsBetween('day', '2024-02-28', '2024-03-01')).toEqual(['2024-02-28', '2024-02-29', '2024-03-01'])
  expect(startsBetween('week', '2026-11-15', '2026-11-24')).toEqual(['2026-11-09', '2026-11-16', '2026-11-23'])
  expect(startsBetween('month', '2026-11-30', '2027-01-01')).toEqual(['2026-11-01', '2026-12-01', '2027-01-01'])
})
