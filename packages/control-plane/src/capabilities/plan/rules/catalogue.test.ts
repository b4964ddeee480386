import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { effectiveLimits, graceAmount, loadCatalogue, parseCatalogue } from './catalogue.ts'

const unlimited = null
const GiB = 1024 ** 3
const plans = ['free', 'starter', 'professional', 'business', 'enterprise']

// Typed from the specification's table: meter, kind, period, then the limit per plan.
const table: [string, string, string, (number | null)[]][] = [
  ['users', 'gauge', 'none', [5, 20, 50, 100, unlimited]],
  ['admins', 'gauge', 'none', [1, 3, 10, 25, 50]],
  ['teams', 'gauge', 'none', [2, 10, 25, 50, unlimited]],
  ['custom_roles', 'gauge', 'none', [0, 2, 5, 20, unlimited]],
  ['conversations', 'gauge', 'none', [50, 500, 2000, 5000, unlimited]],
  ['tokens', 'counter', 'month', [100_000, 1_000_000, 5_000_000, 10_000_000, unlimited]],
  ['events', 'gauge', 'none', [1, 5, 20, 50, 100]],
  ['participants', 'gauge', 'none', [50, 200, 1000, 2500, 5000]],
  ['storage', 'gauge', 'none', [GiB, 5 * GiB, 25 * GiB, 50 * GiB, 100 * GiB]],
  ['bandwidth', 'counter', 'month', [unlimited, unlimited, unlimited, unlimited, unlimited]],
  ['api_calls', 'counter', 'day', [1000, 10_000, 100_000, 500_000, unlimited]],
  ['pipeline_runs', 'counter', 'month', [20, 200, 1000, 5000, unlimited]],
  ['concurrent_pipelines', 'concurrency', 'none', [1, 5, 10, 20, 50]],
]
const graceful = ['tokens', 'conversations', 'participants', 'storage', 'api_calls']

const free = ['basic_chat', 'team_collaboration', 'basic_events', 'team_formation']
const starter = [...free, 'api_access', 'custom_branding', 'analytics']
const professional = [...starter, 'advanced_judging', 'sponsors']
const enterprise = [...professional, 'sso', 'white_label', 'custom_deployment', 'sla']

const catalogue = loadCatalogue()
const planOf = (name: string, from = catalogue) => from.plan(name) ?? expect.fail(`no plan ${name}`)

describe('the default catalogue', () => {
  test('has the plans of the specification, from the lowest to the highest', () => {
    expect(catalogue.order).toEqual(plans)
    expect(catalogue.plans.map(({ name }) => name)).toEqual(plans)
    expect(catalogue.defaultPlan).toBe('free')
  })

  test('has the meters of the specification and no other', () => {
    const meters = Object.values(catalogue.meters).map(({ key, kind, period }) => [key, kind, period])
    expect(meters).toEqual(table.map(([key, kind, period]) => [key, kind, period]))
  })

  test.each(table)('limits %s as the specification says', (meter, _kind, _period, limits) => {
    expect(plans.map((name) => planOf(name).limits[meter])).toEqual(limits)
  })

  test.each([
    ['free', free],
    ['starter', starter],
    ['professional', professional],
    ['business', professional],
    ['enterprise', enterprise],
  ])('gives %s its features', (name, features) => {
    expect([...planOf(name).features].toSorted()).toEqual(features.toSorted())
  })

  test('gives ten percent for seven days on the five graceful meters and none on the others', () => {
    for (const plan of catalogue.plans) {
      for (const [meter] of table) {
        expect(plan.grace(meter), `${plan.name} ${meter}`).toEqual(
          graceful.includes(meter) ? { percent: 10, days: 7 } : null,
        )
      }
    }
  })

  test('warns at 80, 90 and 100 percent and counts calendar periods on every plan', () => {
    for (const plan of catalogue.plans) {
      expect(plan.alertThresholds).toEqual([80, 90, 100])
      expect(plan.periodAnchor).toBe('calendar')
    }
  })

  test('keeps reads and settings updates at the specified rate on every plan, and ingestion at 6000 or more', () => {
    for (const { rateLimits } of catalogue.plans) {
      expect(rateLimits).toMatchObject({ requestsPerMinute: 100, writesPerMinute: 60, settingsUpdatesPerHour: 10 })
      expect(rateLimits.usageCallsPerMinute).toBeGreaterThanOrEqual(6000)
    }
    expect(planOf('free').rateLimits.usageCallsPerMinute).toBe(6000)
  })

  test('prices every paid plan, and each of its limited graceful meters', () => {
    expect(planOf('free').monthlyPriceMicros).toBe(0)
    for (const plan of catalogue.plans.slice(1)) {
      expect(plan.monthlyPriceMicros).toBeGreaterThan(0)
      const limited = graceful.filter((meter) => plan.limits[meter] !== unlimited)
      expect(Object.keys(plan.overagePrices).toSorted()).toEqual(limited.toSorted())
    }
    expect(planOf('starter').overagePrices.storage).toEqual({ micros: 250_000, per: GiB })
  })

  test('counts people, teams and roles itself and shows storage in MB', () => {
    const counted = Object.values(catalogue.meters).filter(({ countedFrom }) => countedFrom !== null)
    expect(counted.map(({ key, countedFrom }) => [key, countedFrom])).toEqual([
      ['users', 'memberships'],
      ['admins', 'memberships'],
      ['teams', 'teams'],
      ['custom_roles', 'roles'],
    ])
    expect(catalogue.meters.storage?.displayUnit).toEqual({ name: 'MB', size: 1024 ** 2 })
  })
})

describe('a catalogue', () => {
  test('finds a plan in any letter case, and null for one it does not have', () => {
    expect(catalogue.plan('ENTERPRISE')?.name).toBe('enterprise')
    expect(catalogue.plan('gold')).toBeNull()
    expect(catalogue.plan('constructor')).toBeNull()
  })

  test('answers a look-up by any text with its own entries only', () => {
    expect(catalogue.meters.constructor).toBeUndefined()
    expect(planOf('free').limits.toString).toBeUndefined()
    expect(planOf('free').grace('__proto__')).toBeNull()
  })

  test('cannot be changed, at any depth', () => {
    const plan = planOf('free')
    expect(() => Object.assign(catalogue, { defaultPlan: 'enterprise' })).toThrow(TypeError)
    expect(() => Object.assign(plan.limits, { users: 6 })).toThrow(TypeError)
    expect(() => Object.assign(plan.rateLimits, { requestsPerMinute: 1 })).toThrow(TypeError)
    expect(() => Object.assign(plan.grace('tokens') ?? {}, { percent: 100 })).toThrow(TypeError)
    expect(() => Object.assign(catalogue.meters.users ?? {}, { kind: 'counter' })).toThrow(TypeError)
    expect(() => (catalogue.plans as unknown[]).pop()).toThrow(TypeError)
    expect(() => (plan.features as Set<string>).add('sso')).toThrow(TypeError)
  })

  test('lets a plan replace the defaults, the grace of a meter and single rate limits', () => {
    const own = parseCatalogue(
      `
currency: EUR
meters:
  seats: { kind: gauge, period: none, unit: seats, description: Seats., grace: { percent: 10, days: 7 } }
  calls: { kind: counter, period: hour, unit: calls, description: Calls., grace: { percent: 10, days: 7 } }
  "feature:editor": { kind: counter, period: total, unit: uses, description: Uses of the editor., grace: none }
features: [editor]
defaults:
  alertThresholds: [50]
  periodAnchor: calendar
  rateLimits: { requestsPerMinute: 1, writesPerMinute: 2, settingsUpdatesPerHour: 3, usageCallsPerMinute: 4 }
plans:
  free:
    title: Free
    monthlyPriceMicros: 0
    limits: { seats: -1, calls: 19, "feature:editor": 0 }
    features: []
    grace: { seats: none, calls: { percent: 50, days: 1 } }
    alertThresholds: []
    periodAnchor: subscription
    rateLimits: { writesPerMinute: 20 }
`,
      'own.yaml',
    )
    const plan = planOf('free', own)
    expect(plan.grace('seats')).toBeNull()
    expect(plan.grace('calls')).toEqual({ percent: 50, days: 1 })
    expect(plan.grace('feature:editor')).toBeNull()
    expect(plan.alertThresholds).toEqual([])
    expect(plan.periodAnchor).toBe('subscription')
    expect(plan.rateLimits).toEqual({
      requestsPerMinute: 1,
      writesPerMinute: 20,
      settingsUpdatesPerHour: 3,
      usageCallsPerMinute: 4,
    })
    expect(effectiveLimits(own, 'free')).toEqual([
      { meter: 'seats', limit: null, grace: 0, graceDays: 0, hardLimit: null, source: 'plan' },
      { meter: 'calls', limit: 19, grace: 9, graceDays: 1, hardLimit: 28, source: 'plan' },
      { meter: 'feature:editor', limit: 0, grace: 0, graceDays: 0, hardLimit: 0, source: 'plan' },
    ])
  })
})

describe('effective limits', () => {
  const limitOf = (plan: string, meter: string) =>
    effectiveLimits(catalogue, plan).find((limit) => limit.meter === meter)

  test('add grace, rounded down, where the meter has it', () => {
    expect(limitOf('free', 'conversations')).toEqual({
      meter: 'conversations',
      limit: 50,
      grace: 5,
      graceDays: 7,
      hardLimit: 55,
      source: 'plan',
    })
    expect(limitOf('free', 'storage')).toMatchObject({ grace: 107_374_182, hardLimit: 1_181_116_006 })
  })

  test('end at the limit where the meter has no grace', () => {
    expect(limitOf('professional', 'pipeline_runs')).toMatchObject({
      limit: 1000,
      grace: 0,
      graceDays: 0,
      hardLimit: 1000,
    })
  })

  test('have no end and no grace where the plan is unlimited', () => {
    expect(limitOf('Enterprise', 'tokens')).toMatchObject({ limit: null, grace: 0, graceDays: 0, hardLimit: null })
  })

  test('cover every meter of every plan', () => {
    for (const plan of plans) expect(effectiveLimits(catalogue, plan)).toHaveLength(table.length)
  })

  test('are refused for a plan that the catalogue does not have, instead of being unlimited', () => {
    expect(() => effectiveLimits(catalogue, 'gold')).toThrow('no plan "gold"')
  })

  test('round grace exactly where limit times percent is more than a number can hold', () => {
    const limit = Math.floor(Number.MAX_SAFE_INTEGER / 2)
    expect(graceAmount(limit, 99)).toBe(Number((BigInt(limit) * 99n) / 100n))
  })
})

test('scopes of products are read with the feature they need and the lowest role that holds them', () => {
  const text = readFileSync(new URL('../../../../catalogue/default.yaml', import.meta.url), 'utf8')
  const scopes = [
    'scopes:',
    '  events:manage: { description: Plan events., feature: basic_events, heldFrom: member }',
    '  "events:own": { description: Hand over events., heldFrom: owner }',
  ]
  const catalogue = parseCatalogue(text.replace(/^features:$/m, `${scopes.join('\n')}\nfeatures:`), 'own.yaml')
  expect(catalogue.scopes).toEqual([
    { name: 'events:manage', description: 'Plan events.', feature: 'basic_events', heldFrom: 'member' },
    { name: 'events:own', description: 'Hand over events.', feature: null, heldFrom: 'owner' },
  ])
})
