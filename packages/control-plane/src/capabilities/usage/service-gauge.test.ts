import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { createTestClock, usageRows } from './service.fixture.ts'

const clock = createTestClock('2026-11-21T10:00:00Z')
let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock })
})
afterAll(() => installation.close())

const storage = { tenantId: 'current', meter: 'storage' }
const megabyte = 1024 * 1024
const gigabyte = 1024 * megabyte

test('a gauge that is set stands there at once, up or down, and moves on from there', async () => {
  const { caller } = await installation.enter({ plan: 'free' })
  expect(await caller.usage.setGauge({ ...storage, value: 3 * megabyte })).toEqual({
    metric: 'storage',
    used: 3 * megabyte,
    limit: gigabyte,
    remaining: Math.floor(gigabyte * 1.1) - 3 * megabyte,
    state: 'ok',
    resetsAt: null,
  })
  expect(await caller.usage.setGauge({ ...storage, value: megabyte })).toMatchObject({ used: megabyte })
  expect(await caller.tenants.usage()).toMatchObject({ storageUsedMb: 1 })
  expect(await caller.usage.track({ tenantId: 'current', metric: 'storage', amount: -1 })).toMatchObject({
    used: megabyte - 1,
  })
  expect(await caller.usage.setGauge({ ...storage, value: 0 })).toMatchObject({ used: 0 })
})

test('what a gauge was set to is the sum of its events and of its days', async () => {
  const { tenant, caller } = await installation.enter()
  for (const value of [7, 7, 2, 9]) await caller.usage.setGauge({ ...storage, value })
  const { counters, daily, events } = await usageRows(installation, tenant.id)
  expect(counters).toMatchObject([{ meter: 'storage', used: 9 }])
  expect(events.map(({ amount }) => amount)).toEqual([7, 0, -5, 7])
  expect(daily).toMatchObject([{ used: 9, events: 4 }])
})

test('the newest sequence wins, in whatever order they arrive', async () => {
  const { tenant, caller } = await installation.enter()
  const set = (value: number, sequence?: number) => caller.usage.setGauge({ ...storage, value, sequence })
  await set(10, 5)
  await expect(set(20, 4)).rejects.toMatchObject({
    code: 'usage.outdated',
    status: 409,
    details: { meter: 'storage', used: 10 },
  })
  expect(await set(10, 5)).toMatchObject({ used: 10 })
  expect(await set(30)).toMatchObject({ used: 30 })
  await expect(set(20, 4)).rejects.toMatchObject({ code: 'usage.outdated' })

  await Promise.allSettled([9, 7, 8, 6].map((sequence) => set(sequence * 100, sequence)))
  expect((await usageRows(installation, tenant.id)).counters).toMatchObject([{ used: 900, sequence: 9 }])
})

test('a gauge is set beyond its limit too: it already stands there', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'free' })
  expect(await caller.usage.setGauge({ ...storage, value: 2 * gigabyte })).toMatchObject({
    used: 2 * gigabyte,
    remaining: 0,
    state: 'blocked',
  })
  await installation.dependencies.services.metering.told(tenant.id)
  const { items } = await caller.events.list({ tenantId: 'current' })
  const reached = items.map(({ event }) => 'thresholdPercent' in event && event.thresholdPercent)
  expect(reached).toEqual([null, 100, 90, 80])
})

test.each([
  ['tokens', 'request.invalid'],
  ['concurrent_pipelines', 'request.invalid'],
  ['users', 'request.invalid'],
  ['custom_roles', 'request.invalid'],
  ['minutes', 'usage.unknown_meter'],
])('%s, which is no gauge to be set, is refused with %s', async (meter, code) => {
  const { tenant, caller } = await installation.enter()
  const refused = caller.usage.setGauge({ tenantId: 'current', meter, value: 1 })
  await expect(refused).rejects.toMatchObject({ code, ...(code === 'request.invalid' && inMeter) })
  expect(await usageRows(installation, tenant.id)).toEqual({ counters: [], daily: [], events: [] })
})
const inMeter = { details: { issues: [{ path: 'meter' }] } }

test.each([-1, 0.5])('the value %d is refused, naming the field', async (value) => {
  const { caller } = await installation.enter()
  await expect(caller.usage.setGauge({ ...storage, value })).rejects.toMatchObject({
    code: 'request.invalid',
    details: { issues: [{ path: 'value' }] },
  })
})
