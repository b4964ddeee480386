import { expect, test } from 'vitest'
import { rateLimitHeaders } from './headers.ts'

const budget = { points: 100, windowSeconds: 60 }

test('an allowed call tells its policy and what remains', () => {
  expect(rateLimitHeaders('read', { allowed: true, budget, remaining: 97, resetSeconds: 42, window: '' })).toEqual({
    'RateLimit-Policy': '"read";q=100;w=60',
    RateLimit: '"read";r=97;t=42',
  })
})

test('a refused call also tells when to come back', () => {
  expect(
    rateLimitHeaders('settings_update', { allowed: false, budget, remaining: 0, resetSeconds: 7, window: '' }),
  ).toEqual({
    'RateLimit-Policy': '"settings_update";q=100;w=60',
    RateLimit: '"settings_update";r=0;t=7',
    'Retry-After': '7',
  })
})
