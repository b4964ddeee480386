import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { InternalCaller } from '../../caller.ts'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { createTestClock } from './service.fixture.ts'

const clock = createTestClock('2026-11-21T10:00:00Z')
let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock })
})
beforeEach(() => clock.set('2026-11-21T10:00:00Z'))
afterAll(() => installation.close())

const track = (caller: InternalCaller, metric: string, amount: number, idempotencyKey?: string) =>
  caller.usage.track({ tenantId: 'current', metric, amount, ...(idempotencyKey ? { idempotencyKey } : {}) })

/** The thresholds that were told, oldest first. */
async function told(caller: InternalCaller) {
  await installation.dependencies.services.metering.told((await caller.tenants.info()).id)
  const { items } = await caller.events.list({ tenantId: 'current' })
  return items.toReversed().map(({ event }) => (event.type === 'usage.threshold_reached' ? event.thresholdPercent : 0))
}

test('each threshold is told once on the way up, the hard limit last', async () => {
  const { caller } = await installation.enter({ plan: 'free' })
  for (const amount of [79_999, 1, 5, 9_995, 5_000, 5_000, 9_999, 1, 50_000]) await track(caller, 'tokens', amount)
  expect(await told(caller)).toEqual([80, 90, 100, null])
})

test('one call that passes several tells all of them', async () => {
  const { caller } = await installation.enter({ plan: 'free' })
  await track(caller, 'tokens', 1_000_000)
  expect(await told(caller)).toEqual([80, 90, 100, null])
})

test('a repeated key tells nothing again', async () => {
  const { caller } = await installation.enter({ plan: 'free' })
  for (let attempt = 0; attempt < 3; attempt += 1) await track(caller, 'tokens', 85_000, 'once')
  expect(await told(caller)).toEqual([80])
})

test('a gauge that falls and rises again tells of its threshold once a month', async () => {
  const { tenant } = await installation.enter({ plan: 'free' })
  const caller = installation.callerAs({ type: 'service', name: 'gauge' }, tenant.id)
  const { limits } = await caller.tenants.limits()
  const limit = limits.find(({ meter }) => meter === 'storage')?.limit ?? 0
  const moves = [limit * 0.85, -limit * 0.5, limit * 0.5]
  for (const amount of moves) await track(caller, 'storage', Math.round(amount))
  expect(await told(caller)).toEqual([80])

  clock.set('2026-12-01T00:00:00Z')
  for (const amount of [-limit * 0.5, limit * 0.5]) await track(caller, 'storage', Math.round(amount))
  expect(await told(caller)).toEqual([80, 80])
})

test('callers that pass a threshold at the same moment tell it once', async () => {
  const { tenant } = await installation.enter({ plan: 'free' })
  const caller = installation.callerAs({ type: 'service', name: 'burst' }, tenant.id)
  await Promise.all(Array.from({ length: 40 }, () => track(caller, 'tokens', 3_000)))
  expect(await told(caller)).toEqual([80, 90, 100, null])
})

const consume = (caller: InternalCaller, metric: string, amount: number) =>
  caller.usage.consume({ tenantId: 'current', metric, amount })

async function enterService(plan: string) {
  const { tenant } = await installation.enter({ plan })
  return { tenant, caller: installation.callerAs({ type: 'service', name: 'product' }, tenant.id) }
}

/** Of the newest that was told. */
const newest = async (caller: InternalCaller) => (await caller.events.list({ tenantId: 'current' })).items[0]?.event

test('the end of grace is told once, by the first that is refused after it', async () => {
  const { caller } = await enterService('free')
  await track(caller, 'tokens', 105_000)
  clock.set('2026-11-28T09:59:59Z')
  await expect(consume(caller, 'tokens', 5_001)).rejects.toMatchObject({ code: 'usage.limit_exceeded' })
  expect(await told(caller)).toEqual([80, 90, 100])
  clock.set('2026-11-28T10:00:00Z')
  await caller.tenants.usage()
  expect(await told(caller)).toEqual([80, 90, 100])
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await expect(consume(caller, 'tokens', 1)).rejects.toMatchObject({ code: 'usage.limit_exceeded' })
    expect(await told(caller)).toEqual([80, 90, 100, null])
  }
  await track(caller, 'tokens', 1)
  expect(await told(caller)).toEqual([80, 90, 100, null])
  expect(await newest(caller)).toMatchObject({ state: 'blocked', used: 105_000, limit: 100_000, hardLimit: 100_000 })
})

test('the end of grace is told by what is counted after it, with what that comes to', async () => {
  const { caller } = await enterService('free')
  await track(caller, 'tokens', 105_000)
  clock.set('2026-11-28T10:00:00Z')
  for (const amount of [2, 10_000]) await track(caller, 'tokens', amount)
  expect(await told(caller)).toEqual([80, 90, 100, null])
  expect(await newest(caller)).toMatchObject({ state: 'blocked', used: 105_002, hardLimit: 100_000 })
})

test('what gives back enough, or counts in a period that is over, tells no end of grace', async () => {
  const { caller } = await enterService('free')
  await track(caller, 'conversations', 52)
  await track(caller, 'tokens', 105_000)
  clock.set('2026-11-28T10:00:00Z')
  await track(caller, 'conversations', -3)
  clock.set('2026-12-01T10:00:00Z')
  const late = { metric: 'tokens', amount: 1, occurredAt: '2026-11-30T10:00:00Z' }
  expect(await caller.usage.track({ tenantId: 'current', ...late })).toMatchObject({ state: 'blocked', used: 105_001 })
  expect(await told(caller)).toEqual([80, 90, 100, 80, 90, 100])
})

test('what stands where grace would be is told as the end where grace is over as its limit comes back', async () => {
  const { tenant, caller } = await enterService('free')
  const operators = installation.callerAs(operator)
  const override = (value: number | null) =>
    operators.limits.setOverrides({
      tenantId: tenant.id,
      overrides: { tokens: value === null ? null : { value } },
      reason: 'agreed',
    })
  await track(caller, 'tokens', 105_000)
  await override(1_000_000)
  expect(await told(caller)).toEqual([80, 90, 100])
  clock.set('2026-11-28T10:00:00Z')
  await override(null)
  expect(await told(caller)).toEqual([80, 90, 100, null])
  await expect(consume(caller, 'tokens', 1)).rejects.toMatchObject({ code: 'usage.limit_exceeded' })
  expect(await told(caller)).toEqual([80, 90, 100, null])
})

test('a meter without a limit tells nothing', async () => {
  const { tenant } = await installation.enter({ plan: 'enterprise' })
  const caller = installation.callerAs({ type: 'service', name: 'unlimited' }, tenant.id)
  const { limits } = await caller.tenants.limits()
  const meter = limits.find((one) => one.limit === null && ['tokens', 'conversations'].includes(one.meter))?.meter
  await track(caller, meter ?? expect.fail('every meter is limited'), 1_000_000_000)
  expect(await told(caller)).toEqual([])
})
