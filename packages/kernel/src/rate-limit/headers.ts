import type { RateLimitDecision } from '../context/dependencies.ts'

/** The header fields of draft-ietf-httpapi-ratelimit-headers-10, and `Retry-After` with a refusal. */
export function rateLimitHeaders(limit: string, decision: RateLimitDecision): Record<string, string> {
  const { budget, remaining, resetSeconds, allowed } = decision
  return {
    'RateLimit-Policy': `"${limit}";q=${budget.points};w=${budget.windowSeconds}`,
    RateLimit: `"${limit}";r=${remaining};t=${resetSeconds}`,
    ...(allowed ? {} : { 'Retry-After': String(resetSeconds) }),
  }
}
