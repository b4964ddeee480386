import { afterEach, beforeEach, vi } from 'vitest'
import { testRateLimits } from './rate-limits.fixture.ts'
import { createRateLimits } from './rate-limits.ts'

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2026-01-01T00:00:00Z') })
})
afterEach(() => {
  vi.useRealTimers()
})

testRateLimits(async () => ({
  limits: createRateLimits(),
  wait: async (milliseconds) => {
    vi.advanceTimersByTime(milliseconds)
  },
}))
