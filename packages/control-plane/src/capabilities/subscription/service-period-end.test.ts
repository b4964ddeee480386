import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createInternalCaller, type InternalCaller } from '../../caller.ts'
import { changePlansDue } from '../../jobs.ts'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { catalogueWith } from '../catalogue/service.fixture.ts'
import { deafProcess } from '../event/service.fixture.ts'
import { consume, toldOf } from '../limit/service.fixture.ts'
import { listPlansInUse } from '../tenant/index.ts'
import { createTestClock } from '../usage/service.fixture.ts'

const start = '2026-01-31T10:00:00Z'
const clock = createTestClock(start)
let installation: TestInstallation
beforeAll(async () => {
  const catalogue = catalogueWith({ 'periodAnchor: calendar\n': 'periodAnchor: subscription\n' })
  installation = await openTestInstallation({ clock, catalogue })
})
afterAll(() => installation.close())
beforeEach(async () => {
  // What the test before left.
  clock.set('2030-01-01T00:00:00Z')
  await changePlansDue(installation.dependencies)
  clock.set(start)
})

const current = { tenantId: 'current' }
const schedule = (caller: InternalCaller, plan: string) =>
  caller.subscription.change({ ...current, plan, when: 'period_end', acceptBreaking: true })
const changesOf = async (tenantId: string) =>
  (await installation.auditEntries(tenantId)).filter(({ action }) => action.startsWith('subscription.'))

test.each([
  ['2026-01-31T10:00:00Z', '2026-02-28T05:00:00.000Z'],
  ['2026-02-28T05:00:00Z', '2026-03-31T04:00:00.000Z'],
  ['2026-04-29T12:00:00Z', '2026-04-30T04:00:00.000Z'],
  ['2028-02-10T12:00:00Z', '2028-02-29T05:00:00.000Z'],
])('begun on 31 January in New York, the period of %s ends at %s', async (at, endsAt) => {
  const { caller } = await installation.enter({ plan: 'starter', timezone: 'America/New_York' })
  clock.set(at)
  const { scheduledChange, currentPeriod } = await schedule(caller, 'professional')
  expect(scheduledChange).toMatchObject({ plan: 'professional', effectiveAt: endsAt })
  expect(currentPeriod.endsAt).toBe(endsAt)
})

test('usage is held to the new plan from the end of the period on, before any job has been there', async () => {
  const { caller } = await installation.enter({ plan: 'starter' })
  await schedule(caller, 'free')
  clock.set('2026-02-27T23:59:59Z')
  await consume(caller, 'pipeline_runs', 21)
  clock.set('2026-02-28T00:00:00Z')
  await consume(caller, 'pipeline_runs', 20)
  await expect(consume(caller, 'pipeline_runs', 1)).rejects.toMatchObject({ details: { limit: 20, used: 20 } })
})

/** Of what the plan decides, all that a tenant can read. */
async function shownTo(caller: InternalCaller) {
  const info = await caller.tenants.info()
  const limits = await caller.tenants.limits()
  const { plan, features, scheduledChange } = await caller.subscription.get(current)
  const check = await caller.access.check({ ...current, feature: 'api_access', meter: 'pipeline_runs' })
  const explained = await caller.access.explain({ ...current, permission: 'keys:read' })
  const { memberships } = await caller.me.get()
  const meters = (await caller.tenants.usage()).meters
  const has = (one: { features: string[] }) => one.features.includes('api_access')
  const limitOf = (of: { meter: string; limit: number | null }[]) =>
    of.find(({ meter }) => meter === 'pipeline_runs')?.limit
  return {
    plans: [info.subscriptionTier, limits.tier, plan, check.plan, (await caller.tenants.get(current)).plan],
    features: [has(info), has(limits), has({ features }), check.allowed],
    keys: [explained.allowed, memberships[0]?.roles[0]?.scopes.includes('keys:read')],
    limits: [limitOf(limits.limits), limitOf(meters), check.usage?.limit],
    isToCome: scheduledChange !== null,
    preview: (await caller.subscription.preview({ ...current, plan: 'free' })).direction,
  }
}

test('all that is shown is of the new plan from the instant on, in every process, before any job has been there', async () => {
  const { tenant, user, caller } = await installation.enter({ plan: 'starter' })
  const { key } = await caller.apiKeys.create({ ...current, name: 'Reporting', scopes: ['usage:read'] })
  const actor = { type: 'user', ...user, name: null } as const
  const other = createInternalCaller(deafProcess(installation, 15_000), { actor, tenantId: tenant.id })
  const verified = () => installation.dependencies.apiKeys.verify(key, { address: null, userAgent: null })
  await schedule(caller, 'free')
  clock.set('2026-02-27T23:59:59.999Z')
  for (const one of [caller, other]) {
    expect(await shownTo(one)).toEqual({
      plans: Array(5).fill('starter'),
      features: Array(4).fill(true),
      keys: [true, true],
      limits: [200, 200, 200],
      isToCome: true,
      preview: 'downgrade',
    })
  }
  expect(await verified()).toMatchObject({ refusal: null })
  clock.set('2026-02-28T00:00:00Z')
  for (const one of [caller, other]) {
    expect(await shownTo(one)).toEqual({
      plans: Array(5).fill('free'),
      features: Array(4).fill(false),
      keys: [false, false],
      limits: [20, 20, 20],
      isToCome: false,
      preview: 'same',
    })
  }
  expect(await verified()).toMatchObject({ refusal: { code: 'api_key.access_disabled' } })
})

test('an upgrade at the end of the period lets in what waits for it', async () => {
  const { caller } = await installation.enter({ plan: 'free' })
  await schedule(caller, 'starter')
  clock.set('2026-02-28T00:00:00Z')
  await consume(caller, 'pipeline_runs', 21)
})

test('the job changes the plan that is due, once among several processes, as the system, and no other', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'starter' })
  const { tenant: other, caller: later } = await installation.enter({ plan: 'starter', timezone: 'America/New_York' })
  await schedule(caller, 'free')
  await schedule(later, 'free')
  clock.set('2026-02-28T00:00:30Z')
  const processes = [installation.dependencies, deafProcess(installation, 15_000)]
  const applied = await Promise.all([...processes, ...processes].map(changePlansDue))
  expect(applied.reduce((sum, count) => sum + count, 0)).toBe(1)
  expect(await caller.subscription.get(current)).toMatchObject({ plan: 'free', scheduledChange: null })
  expect(await toldOf(caller, 'pipeline_runs')).toMatchObject({ limit: 20, state: 'ok' })
  expect(await changesOf(tenant.id)).toMatchObject([
    { action: 'subscription.change_scheduled' },
    {
      action: 'subscription.changed',
      actorType: 'system',
      changes: { plan: { before: 'starter', after: 'free' } },
      details: { effectiveAt: '2026-02-28T00:00:00.000Z' },
    },
  ])
  expect(await later.subscription.get(current)).toMatchObject({ plan: 'starter', scheduledChange: { plan: 'free' } })
  expect(await changesOf(other.id)).toHaveLength(1)
  clock.set('2026-03-31T12:00:00Z')
  expect(await changePlansDue(installation.dependencies)).toBe(1)
})

test('a newer change replaces the one that was scheduled, and the current plan calls it off', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'starter' })
  await schedule(caller, 'free')
  expect(await schedule(caller, 'business')).toMatchObject({ scheduledChange: { plan: 'business' } })
  const kept = await caller.subscription.change({ ...current, plan: 'starter' })
  expect(kept).toMatchObject({ plan: 'starter', scheduledChange: null })
  expect(await changesOf(tenant.id)).toMatchObject([
    { changes: { plan: { before: 'starter', after: 'free' } } },
    { changes: { plan: { before: 'free', after: 'business' } } },
    { action: 'subscription.change_called_off', changes: { plan: { before: 'business', after: 'starter' } } },
  ])
  clock.set('2026-02-28T00:00:30Z')
  await changePlansDue(installation.dependencies)
  expect(await caller.subscription.get(current)).toMatchObject({ plan: 'starter' })
  await consume(caller, 'pipeline_runs', 21)
})

test('what is due by now is not called off before the job comes: the plan holds, and is changed from there', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'starter' })
  await schedule(caller, 'free')
  clock.set('2026-02-28T00:00:30Z')
  const changed = await caller.subscription.change({ ...current, plan: 'starter', when: 'period_end' })
  expect(changed).toMatchObject({ plan: 'free', scheduledChange: { plan: 'starter' } })
  expect(await changesOf(tenant.id)).toMatchObject([
    { action: 'subscription.change_scheduled' },
    { action: 'subscription.changed', changes: { plan: { before: 'starter', after: 'free' } } },
    { action: 'subscription.change_scheduled', changes: { plan: { before: 'free', after: 'starter' } } },
  ])
})

test('a plan that a tenant is to have is in use', async () => {
  const { caller } = await installation.enter({ plan: 'free' })
  const inUse = () => installation.database.platformUnit({ actor: operator, readOnly: true }, listPlansInUse)
  expect(await inUse()).not.toContain('enterprise')
  await schedule(caller, 'enterprise')
  expect(await inUse()).toContain('enterprise')
})

test('a plan that is changed now, by whomever, takes the place of the one to come', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'starter' })
  await schedule(caller, 'free')
  await installation.callerAs(operator, tenant.id).tenants.update({ ...current, plan: 'business' })
  expect(await caller.subscription.get(current)).toMatchObject({ plan: 'business', scheduledChange: null })
  expect(await changesOf(tenant.id)).toMatchObject([
    { action: 'subscription.change_scheduled' },
    { action: 'subscription.change_called_off', changes: { plan: { before: 'free', after: 'business' } } },
  ])
  clock.set('2026-02-28T00:00:30Z')
  await consume(caller, 'pipeline_runs', 1_000)
})

test('what was told stays: a timezone that is changed meanwhile does not move it', async () => {
  const { caller } = await installation.enter({ plan: 'starter' })
  const { scheduledChange } = await schedule(caller, 'free')
  await caller.tenants.update({ ...current, timezone: 'Pacific/Honolulu' })
  expect(await caller.subscription.get(current)).toMatchObject({ scheduledChange })
})

test('a suspended tenant comes to have its plan all the same', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'starter' })
  await schedule(caller, 'free')
  await installation.callerAs(operator, tenant.id).tenants.suspend({ ...current, reason: 'Unpaid' })
  clock.set('2026-02-28T00:00:30Z')
  await changePlansDue(installation.dependencies)
  expect(await caller.subscription.get(current)).toMatchObject({ plan: 'free' })
})
