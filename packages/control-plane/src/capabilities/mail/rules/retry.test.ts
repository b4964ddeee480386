import { expect, test } from 'vitest'
import { nextAttempt } from './retry.ts'

test('tries lie further and further apart, and end after a day and a half', () => {
  const now = new Date('2026-11-21T10:00:00Z')
  const waits = [1, 2, 3, 4, 5, 6, 7].map((attempts) => (nextAttempt(attempts, now)?.getTime() ?? 0) - now.getTime())
  expect(waits).toEqual([...waits].sort((left, right) => left - right))
  expect(waits[0]).toBe(60_000)
  expect(waits.reduce((sum, wait) => sum + wait, 0)).toBeGreaterThan(36 * 3_600_000)
  expect(nextAttempt(8, now)).toBeNull()
})
