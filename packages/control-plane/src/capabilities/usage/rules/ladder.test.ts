import { expect, test } from 'vitest'
import { percentOf, remainingOf, stateOf } from './ladder.ts'

const thresholds = [80, 90, 100]

test.each([
  { used: 0, limit: 100, hardLimit: 110, state: 'ok' },
  { used: 79, limit: 100, hardLimit: 110, state: 'ok' },
  { used: 80, limit: 100, hardLimit: 110, state: 'warning' },
  { used: 100, limit: 100, hardLimit: 110, state: 'warning' },
  { used: 101, limit: 100, hardLimit: 110, state: 'grace' },
  { used: 110, limit: 100, hardLimit: 110, state: 'blocked' },
  { used: 100, limit: 100, hardLimit: 100, state: 'blocked' },
  { used: 0, limit: 0, hardLimit: 5, state: 'ok' },
  { used: 1_000, limit: null, hardLimit: null, state: 'ok' },
] as const)('$used of $limit, which ends at $hardLimit, is $state', ({ state, used, ...limits }) => {
  expect(stateOf(used, limits, thresholds)).toBe(state)
})

test('a meter of which nothing may be used is blocked before anything is', () => {
  const none = { limit: 0, hardLimit: 0 }
  expect(stateOf(0, none, thresholds)).toBe('blocked')
  expect(stateOf(1, none, thresholds)).toBe('blocked')
  expect(remainingOf(0, none.hardLimit)).toBe(0)
  expect(percentOf(0, none.limit)).toBe(0)
})
