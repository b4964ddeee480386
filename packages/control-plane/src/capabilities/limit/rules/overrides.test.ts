import { expect, test } from 'vitest'
import type { EffectiveLimit } from '../../plan/index.ts'
import { withOverrides } from './overrides.ts'

const now = new Date('2026-11-21T10:00:00Z')
const tokens: EffectiveLimit = { meter: 'tokens', limit: 100, grace: 10, graceDays: 7, hardLimit: 110, source: 'plan' }
const events: EffectiveLimit = { ...tokens, meter: 'events' }

test('an override stands in place of the plan, without its grace, and touches no other meter', () => {
  const overrides = [{ kind: 'override' as const, meter: 'tokens', value: 5, expiresAt: null }]
  expect(withOverrides([tokens, events], overrides, now)).toEqual([
    { meter: 'tokens', limit: 5, grace: 0, graceDays: 0, hardLimit: 5, source: 'override' },
    events,
  ])
})

test('an override of null is unlimited, and one of 0 allows nothing', () => {
  const limitUnder = (value: number | null) =>
    withOverrides([tokens], [{ kind: 'override' as const, meter: 'tokens', value, expiresAt: null }], now)[0]
  expect(limitUnder(null)).toMatchObject({ limit: null, hardLimit: null, source: 'override' })
  expect(limitUnder(0)).toMatchObject({ limit: 0, hardLimit: 0, source: 'override' })
})

test('an override ends at its expiry, and the plan holds again', () => {
  const until = (expiresAt: string) =>
    withOverrides([tokens], [{ kind: 'override' as const, meter: 'tokens', value: 5, expiresAt }], now)
  expect(until('2026-11-21T10:00:00.001Z')).toMatchObject([{ limit: 5 }])
  expect(until('2026-11-21T10:00:00Z')).toEqual([tokens])
})

const grant = (value: number, expiresAt: string | null = null) => ({
  kind: 'grant' as const,
  meter: 'tokens',
  value,
  expiresAt,
})

test('grants add up on top of the plan or an override while they last, without grace', () => {
  const both = [grant(50), grant(7, '2026-11-21T10:00:00.001Z'), grant(3, '2026-11-21T10:00:00Z')]
  const granted = { meter: 'tokens', grace: 0, graceDays: 0, source: 'grant' }
  expect(withOverrides([tokens, events], both, now)).toEqual([{ ...granted, limit: 157, hardLimit: 157 }, events])
  const override = { kind: 'override' as const, meter: 'tokens', value: 5, expiresAt: null }
  expect(withOverrides([tokens], [...both, override], now)).toEqual([{ ...granted, limit: 62, hardLimit: 62 }])
})

test('a grant smaller than the grace of the plan takes nothing away', () => {
  expect(withOverrides([tokens], [grant(4)], now)).toMatchObject([
    { limit: 104, grace: 6, graceDays: 7, hardLimit: 110 },
  ])
})

test('a grant on what is unlimited changes nothing, and none leaves the numbers that can be told exactly', () => {
  const unlimited: EffectiveLimit = { ...tokens, limit: null, hardLimit: null }
  expect(withOverrides([unlimited], [grant(5)], now)).toEqual([unlimited])
  const most = Number.MAX_SAFE_INTEGER
  expect(withOverrides([tokens], [grant(most), grant(most)], now)).toMatchObject([{ limit: most, hardLimit: most }])
})
