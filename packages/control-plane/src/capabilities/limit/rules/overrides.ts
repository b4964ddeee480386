import type { EffectiveLimit } from '../../plan/index.ts'

/** As it is read from the database. */
export interface StoredOverride {
  meter: string
  /** Null is unlimited. */
  value: number | null
  /** ISO 8601; null is for good. */
  expiresAt: string | null
}

/** What holds at that time: an override in place of the plan, and then no grace. */
export function withOverrides(
  planned: readonly EffectiveLimit[],
  overrides: readonly StoredOverride[],
  at: Date,
): EffectiveLimit[] {
  const valid = new Map(
    overrides
      .filter(({ expiresAt }) => expiresAt === null || new Date(expiresAt) > at)
      .map(({ meter, value }) => [meter, value]),
  )
  return planned.map((limit) => {
    const value = valid.get(limit.meter)
    if (value === undefined) return limit
    return { meter: limit.meter, limit: value, grace: 0, graceDays: 0, hardLimit: value, source: 'override' }
  })
}
