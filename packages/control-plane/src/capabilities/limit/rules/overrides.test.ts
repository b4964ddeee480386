import { expect, test } from 'vitest'
import type { EffectiveLimit } from '../../plan/index.ts'
import { withOverrides } from './overrides.ts'

const now = new Date('2026-11-21T10:00:00Z')
const tokens: EffectiveLimit = { meter: 'tokens', limit: 100, grace: 10, graceDays: 7, hardLimit: 110, source: 'plan' }
const events: EffectiveLimit = { ...tokens, meter: 'events' }

test('an override stands in place of the plan, without its grace, and touches no other meter', () => {
  const overrides = [{ meter: 'tokens', value: 5, expiresAt: null }]
  expect(withOverrides([tokens, events], overrides, now)).toEqual([
    { meter: 'tokens', limit: 5, grace: 0, graceDays: 0, hardLimit: 5, source: 'override' },
    events,
  ])
})

test('an override of null is unlimited, and one of 0 allows nothing', () => {
  const limitUnder = (value: number | null) =>
    withOverrides([tokens], [{ meter: 'tokens', value, expiresAt: null }], now)[0]
  expect(limitUnder(null)).toMatchObject({ limit: null, hardLimit: null, source: 'override' })
  expect(limitUnder(0)).toMatchObject({ limit: 0, hardLimit: 0, source: 'override' })
})

test('an override ends at its expiry, and the plan holds again', () => {
  const until = (expiresAt: string) => withOverrides([tokens], [{ meter: 'tokens', value: 5, expiresAt }], now)
  expect(until('2026-11-21T10:00:00.001Z')).toMatchObject([{ limit: 5 }])
  expect(until('2026-11-21T10:00:00Z')).toEqual([tokens])
})
