import type { Breaking } from '@tenantry/kernel/contract/problem'

/** A meter under the new plan, beside what it allows now. */
export interface ComparedMeter {
  meter: string
  /** Counted from rows of ours: some have to be removed before more fit. */
  isCount: boolean
  used: number
  /** Null is unlimited, as in the next. */
  before: number | null
  limit: number | null
  hardLimit: number | null
  state: 'ok' | 'warning' | 'grace' | 'blocked'
  /** Under the plan that holds now. */
  isBlocked: boolean
}

/** A feature that would be lost, and what has use of it. */
export interface LostFeature {
  feature: string
  usedBy: NonNullable<Breaking['usedBy']>
}

const isLess = (one: number | null, other: number | null) => one !== null && (other === null || one < other)

export const direction = (order: readonly string[], from: string, to: string) =>
  from === to ? 'same' : order.indexOf(to) > order.indexOf(from) ? 'upgrade' : 'downgrade'

export function limitChanges(meters: readonly ComparedMeter[]) {
  const change = ({ meter, before, limit: after }: ComparedMeter) => ({ meter, before, after })
  return {
    raisedLimits: meters.filter(({ before, limit }) => isLess(before, limit)).map(change),
    loweredLimits: meters.filter(({ before, limit }) => isLess(limit, before)).map(change),
  }
}

/** What stands above a limit that is lowered, then what has use of a feature that is lost. */
export function breakingOf(meters: readonly ComparedMeter[], lost: readonly LostFeature[]): Breaking[] {
  return [
    ...meters.flatMap((meter) => brokenMeter(meter) ?? []),
    ...lost.flatMap(({ feature, usedBy }) => (usedBy.length === 0 ? [] : [brokenFeature(feature, usedBy)])),
  ]
}

function brokenMeter(compared: ComparedMeter): Breaking | null {
  const { meter, isCount, used, before, limit, hardLimit, state, isBlocked } = compared
  if (limit === null || hardLimit === null || used <= limit) return null
  // The same limit with less grace blocks as well.
  if (!isLess(limit, before) && (state !== 'blocked' || isBlocked)) return null
  const excess = used - limit
  const allowed = `${used} are there, and ${limit} would be allowed.`
  if (isCount)
    return { kind: 'count', name: meter, message: `${excess} of ${meter} too many: ${allowed}`, used, limit, excess }
  const after = state === 'blocked' ? 'It would be blocked.' : `Up to ${hardLimit} there would be grace.`
  const message = `${used} of ${meter} are used, and ${limit} would be included. ${after}`
  return { kind: 'meter', name: meter, message, used, limit, hardLimit, excess, state }
}

const words = { api_keys: 'API keys', custom_roles: 'custom roles', settings: 'settings' }

function brokenFeature(name: string, usedBy: LostFeature['usedBy']): Breaking {
  const users = usedBy.map(({ type, count }) => `${words[type]} (${count})`).join(', ')
  return { kind: 'feature', name, message: `The feature ${name} would be lost; in use by ${users}.`, usedBy }
}
