import type { EffectiveLimit } from '../../plan/index.ts'

/** As it is read from the database. */
export interface StoredOverride {
  /** An override stands in place of the plan; a grant adds to what holds. */
  kind: 'override' | 'grant'
  meter: string
  /** Null is unlimited. */
  value: number | null
  /** ISO 8601; null is for good. */
  expiresAt: string | null
}

/** What holds at that time: an override in place of the plan, and then no grace, with all grants added. */
export function withOverrides(
  planned: readonly EffectiveLimit[],
  overrides: readonly StoredOverride[],
  at: Date,
): EffectiveLimit[] {
  const valid = overrides.filter(holdsAt(at))
  return planned.map((plan) => {
    const own = valid.filter(({ meter }) => meter === plan.meter)
    const override = own.find(({ kind }) => kind === 'override')
    const granted = own.reduce((sum, { kind, value }) => (kind === 'grant' ? sum + (value ?? 0) : sum), 0)
    return withGrants(override ? overridden(plan.meter, override.value) : plan, granted)
  })
}

const holdsAt =
  (at: Date) =>
  ({ expiresAt }: StoredOverride) =>
    expiresAt === null || new Date(expiresAt) > at

/** The overrides that hold at that time where the plan itself would allow more, or less. */
export function keptOverrides(planned: readonly EffectiveLimit[], stored: readonly StoredOverride[], at: Date) {
  const overrides = stored.filter(({ kind }) => kind === 'override').filter(holdsAt(at))
  return planned.flatMap(({ meter, limit: planWouldAllow }) => {
    const kept = overrides.find((override) => override.meter === meter)
    return !kept || kept.value === planWouldAllow ? [] : [{ meter, value: kept.value, planWouldAllow }]
  })
}

const overridden = (meter: string, value: number | null): EffectiveLimit => ({
  meter,
  limit: value,
  grace: 0,
  graceDays: 0,
  hardLimit: value,
  source: 'override',
})

/** They have no grace; but a small one does not end before the grace of the plan does. */
function withGrants(limit: EffectiveLimit, granted: number): EffectiveLimit {
  if (limit.limit === null || granted === 0) return limit
  const total = Math.min(limit.limit + granted, Number.MAX_SAFE_INTEGER)
  const grace = Math.max(limit.grace - granted, 0)
  const graceDays = grace === 0 ? 0 : limit.graceDays
  return { meter: limit.meter, limit: total, grace, graceDays, hardLimit: total + grace, source: 'grant' }
}
