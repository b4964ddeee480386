import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { InternalCaller } from '../../caller.ts'
import { changePlansDue } from '../../jobs.ts'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { catalogueWith } from '../catalogue/service.fixture.ts'
import { consume, toldOf } from '../limit/service.fixture.ts'
import { createTestClock } from '../usage/service.fixture.ts'

const start = '2026-01-10T10:00:00Z'
const clock = createTestClock(start)
let installation: TestInstallation
beforeAll(async () => {
  const subscribed = (title: string) => ({ [`${title}\n`]: `${title}\n    periodAnchor: subscription\n` })
  const catalogue = catalogueWith({ ...subscribed('    title: Free'), ...subscribed('    title: Professional') })
  installation = await openTestInstallation({ clock, catalogue })
})
afterAll(() => installation.close())
beforeEach(() => clock.set(start))

const current = { tenantId: 'current' }

async function periodOf(caller: InternalCaller) {
  const { periodAnchor, currentPeriod } = await caller.subscription.get(current)
  return [periodAnchor, currentPeriod.startsAt.slice(0, 10), currentPeriod.endsAt.slice(0, 10)]
}
const usedOf = async (caller: InternalCaller) => (await toldOf(caller, 'pipeline_runs')).used

test.each([
  ['starter', 'professional', ['calendar', '2026-03-01', '2026-04-01'], ['subscription', '2026-04-01', '2026-04-10']],
  ['professional', 'starter', ['subscription', '2026-03-10', '2026-04-10'], ['calendar', '2026-04-10', '2026-05-01']],
])(
  'from %s to %s now, what goes on is counted to its end, and then anew by the other anchor',
  async (from, to, before, after) => {
    const { caller } = await installation.enter({ plan: from })
    clock.set('2026-03-20T10:00:00Z')
    await consume(caller, 'pipeline_runs', 100)
    await caller.subscription.change({ ...current, plan: to })
    expect(await usedOf(caller)).toBe(100)
    expect(await periodOf(caller)).toEqual(before)
    await consume(caller, 'pipeline_runs', 10)
    clock.set(`${before[2]}T00:00:00Z`)
    expect(await usedOf(caller)).toBe(0)
    expect(await periodOf(caller)).toEqual(after)
    await consume(caller, 'pipeline_runs', 1)
    await caller.usage.track({ ...current, metric: 'pipeline_runs', amount: 5, occurredAt: '2026-03-25T00:00:00Z' })
    expect(await usedOf(caller)).toBe(1)
  },
)

test.each([
  ['starter', 'professional', ['calendar', '2026-03-01', '2026-04-01'], ['subscription', '2026-04-01', '2026-04-10']],
  ['professional', 'starter', ['subscription', '2026-03-10', '2026-04-10'], ['calendar', '2026-04-10', '2026-05-01']],
])(
  'from %s to %s at the end of the period, the other anchor counts from there, before the job and after it',
  async (from, to, before, after) => {
    const { caller } = await installation.enter({ plan: from })
    clock.set('2026-03-20T10:00:00Z')
    await consume(caller, 'pipeline_runs', 10)
    await caller.subscription.change({ ...current, plan: to, when: 'period_end' })
    expect(await periodOf(caller)).toEqual(before)
    clock.set(`${before[2]}T00:00:00Z`)
    expect(await usedOf(caller)).toBe(0)
    await consume(caller, 'pipeline_runs', 7)
    expect(await periodOf(caller)).toEqual(after)
    clock.set(`${before[2]}T00:00:40Z`)
    expect(await changePlansDue(installation.dependencies)).toBe(1)
    await consume(caller, 'pipeline_runs', 1)
    expect(await usedOf(caller)).toBe(8)
    expect(await periodOf(caller)).toEqual(after)
  },
)

test('a timezone that is changed between the end of the period and the job changes nothing of what goes on', async () => {
  const { caller } = await installation.enter({ plan: 'starter' })
  clock.set('2026-03-20T10:00:00Z')
  await caller.subscription.change({ ...current, plan: 'professional', when: 'period_end' })
  clock.set('2026-04-01T00:00:10Z')
  await consume(caller, 'pipeline_runs', 7)
  clock.set('2026-04-01T00:00:20Z')
  await caller.tenants.update({ ...current, timezone: 'Asia/Tokyo' })
  expect(await usedOf(caller)).toBe(7)
  clock.set('2026-04-01T00:00:40Z')
  expect(await changePlansDue(installation.dependencies)).toBe(1)
  expect(await usedOf(caller)).toBe(7)
  expect(await periodOf(caller)).toEqual(['subscription', '2026-04-01', '2026-04-10'])
  clock.set('2026-04-11T00:00:00Z')
  expect(await periodOf(caller)).toEqual(['subscription', '2026-04-10', '2026-05-09'])
})

test('a plan that is left within a day of its coming, which is midnight in another timezone, keeps what it has counted', async () => {
  const { caller } = await installation.enter({ plan: 'starter', timezone: 'Europe/Berlin' })
  clock.set('2026-05-10T10:00:00Z')
  await caller.tenants.update({ ...current, timezone: 'Pacific/Auckland' })
  await caller.subscription.change({ ...current, plan: 'professional', when: 'period_end' })
  clock.set('2026-05-31T22:01:00Z')
  expect(await changePlansDue(installation.dependencies)).toBe(1)
  clock.set('2026-06-01T02:00:00Z')
  await consume(caller, 'pipeline_runs', 100)
  await caller.subscription.change({ ...current, plan: 'starter' })
  expect(await usedOf(caller)).toBe(100)
})

test('a preview counts what goes on, whatever the other plan begins its periods with', async () => {
  const { caller } = await installation.enter({ plan: 'starter' })
  clock.set('2026-03-05T10:00:00Z')
  await consume(caller, 'pipeline_runs', 100)
  clock.set('2026-03-20T10:00:00Z')
  const { breaking } = await caller.subscription.preview({ ...current, plan: 'free' })
  expect(breaking).toMatchObject([{ name: 'pipeline_runs', used: 100, limit: 20 }])
})
