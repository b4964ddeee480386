import { expect, test } from 'vitest'
import { breakingOf, type ComparedMeter, direction, limitChanges } from './comparison.ts'

const meter = (fields: Partial<ComparedMeter>): ComparedMeter => ({
  meter: 'tokens',
  isCount: false,
  used: 100,
  before: 200,
  limit: 50,
  hardLimit: 55,
  state: 'blocked',
  isBlocked: true,
  ...fields,
})

test('the order of the plans says what an upgrade is', () => {
  const order = ['free', 'starter', 'business']
  expect(direction(order, 'free', 'business')).toBe('upgrade')
  expect(direction(order, 'business', 'starter')).toBe('downgrade')
  expect(direction(order, 'free', 'free')).toBe('same')
})

test.each([
  ['what is used fits exactly', { used: 50 }],
  ['the limit stays', { before: 50 }],
  ['the limit rises, though not far enough', { before: 40 }],
  ['there is no limit', { limit: null, hardLimit: null }],
])('nothing breaks where %s', (_, fields) => {
  expect(breakingOf([meter(fields)], [])).toEqual([])
})

test('one above the new limit breaks, and so it does where there was none before', () => {
  expect(breakingOf([meter({ used: 51, before: null })], [])).toMatchObject([{ name: 'tokens', excess: 1 }])
})

test('the same limit with less grace breaks what it blocks, and nothing that was blocked before', () => {
  const graced = { used: 54, before: 50, limit: 50, hardLimit: 52 }
  expect(breakingOf([meter({ ...graced, isBlocked: false })], [])).toMatchObject([{ name: 'tokens', excess: 4 }])
  expect(breakingOf([meter({ ...graced, isBlocked: false, hardLimit: 55, state: 'grace' })], [])).toEqual([])
})

test('a feature that nothing is known to use does not break', () => {
  expect(breakingOf([], [{ feature: 'sla', usedBy: [] }])).toEqual([])
})

test('unlimited is above every limit', () => {
  const meters = [meter({ before: null }), meter({ meter: 'runs', before: 1, limit: null, hardLimit: null })]
  expect(limitChanges(meters)).toEqual({
    loweredLimits: [{ meter: 'tokens', before: null, after: 50 }],
    raisedLimits: [{ meter: 'runs', before: 1, after: null }],
  })
})
