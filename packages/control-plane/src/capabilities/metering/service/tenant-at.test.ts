import fc from 'fast-check'
import { expect, inject, test } from 'vitest'
import type { PlanCatalogue } from '../../plan/index.ts'
import { periodOfTenant } from '../rules/tenant-period.ts'
import { changedAfter, type PlannedTenant, tenantAt } from './tenant-at.ts'

const hour = 3_600_000
const plans = ['calendar', 'subscription'] as const
const catalogue = {
  plan: (name: (typeof plans)[number]) => ({ name, periodAnchor: name }),
} as unknown as PlanCatalogue
const kinds = ['month', 'day', 'hour'] as const

/** As the services do it: a plan is changed once what is due has been made, a timezone by what stands. */
const acts = {
  timezone: (tenant: PlannedTenant, now: Date, timezone: string) => {
    const { formerTimezones } = changedAfter(catalogue, tenantAt(catalogue, tenant, now), { timezone, until: now })
    return { ...tenant, timezone, formerTimezones }
  },
  job: (tenant: PlannedTenant, now: Date) => tenantAt(catalogue, tenant, now),
  plan: (tenant: PlannedTenant, now: Date, plan: string) => {
    const standing = tenantAt(catalogue, tenant, now)
    return { ...changedAfter(catalogue, standing, { plan, until: now }), scheduledChange: null }
  },
  schedule: (tenant: PlannedTenant, now: Date, plan: string) => {
    const standing = tenantAt(catalogue, tenant, now)
    return { ...standing, scheduledChange: { plan, effectiveAt: periodAt('month', now, standing, now).endsAt as Date } }
  },
}

function periodAt(kind: (typeof kinds)[number], instant: Date, tenant: PlannedTenant, now: Date) {
  const standing = tenantAt(catalogue, tenant, now)
  return periodOfTenant(
    kind,
    instant,
    { ...standing, createdAt: new Date(standing.createdAt) },
    standing.plan as (typeof plans)[number],
  )
}

const keysAt = (instant: Date, tenant: PlannedTenant, now: Date) =>
  kinds.map((kind) => periodAt(kind, instant, tenant, now).key)

const zone = fc.constantFrom('UTC', 'Pacific/Auckland', 'America/Los_Angeles', 'Pacific/Kiritimati', 'Europe/Berlin')
const plan = fc.constantFrom(...plans)
const act = fc.oneof(
  fc.tuple(fc.constant('timezone' as const), zone),
  fc.tuple(fc.constantFrom('plan' as const, 'schedule' as const), plan),
  fc.tuple(fc.constant('job' as const), fc.constant('')),
)
/** In hours, or to the end of the month and so many seconds on. */
const pause = fc.oneof(
  fc.record({ hours: fc.constantFrom(0, 1, 6, 24, 72, 240, 480) }),
  fc.record({ seconds: fc.constantFrom(0, 1, 30, 7_200) }),
)

test('whatever is changed or scheduled and whenever, no instant comes to belong to another period than it was counted in', {
  timeout: 300_000,
  tags: 'soak',
}, () => {
  const created = fc.date({ min: new Date('2026-01-01'), max: new Date('2026-12-31'), noInvalidDate: true })
  fc.assert(
    fc.property(
      created,
      zone,
      plan,
      fc.array(fc.tuple(pause, act), { maxLength: 10 }),
      (createdAt, ...[first, begun, steps]) => {
        let tenant: PlannedTenant = {
          plan: begun,
          timezone: first,
          formerTimezones: [],
          createdAt,
          scheduledChange: null,
        }
        let now = createdAt
        const counted: { at: Date; keys: string[] }[] = []
        for (const [wait, [name, to]] of steps) {
          now = new Date(
            'hours' in wait
              ? now.getTime() + wait.hours * hour
              : (periodAt('month', now, tenant, now).endsAt as Date).getTime() + wait.seconds * 1000,
          )
          counted.push({ at: now, keys: keysAt(now, tenant, now) })
          tenant = acts[name](tenant, now, to)
          for (const { at, keys } of counted)
            if (now.getTime() - at.getTime() < 31 * 24 * hour) expect(keysAt(at, tenant, now)).toEqual(keys)
        }
      },
    ),
    { numRuns: inject('soak') ? 2_000 : 300 },
  )
})
