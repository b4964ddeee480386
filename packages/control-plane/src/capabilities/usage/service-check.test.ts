import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { createTestClock, usageRows } from './service.fixture.ts'

const clock = createTestClock('2026-11-21T10:00:00Z')
let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock })
})
afterAll(() => installation.close())

const current = { tenantId: 'current' }

test('a check tells whether an amount fits up to the end, and where the meter stands', async () => {
  const { caller } = await installation.enter({ plan: 'free' })
  await caller.usage.track({ ...current, metric: 'pipeline_runs', amount: 17 })
  const standing = {
    metric: 'pipeline_runs',
    used: 17,
    limit: 20,
    hardLimit: 20,
    held: 0,
    remaining: 3,
    state: 'warning',
    resetsAt: '2026-12-01T00:00:00.000Z',
  }
  const check = (amount?: number) => caller.usage.check({ ...current, metric: 'pipeline_runs', amount })
  expect(await check()).toEqual({ allowed: true, ...standing })
  expect(await check(3)).toEqual({ allowed: true, ...standing })
  expect(await check(4)).toEqual({ allowed: false, ...standing })
})

test('a check allows what grace allows, and is unlimited where the plan is', async () => {
  const { caller } = await installation.enter({ plan: 'free' })
  await caller.usage.track({ ...current, metric: 'tokens', amount: 105_000 })
  const check = (amount: number) => caller.usage.check({ ...current, metric: 'tokens', amount })
  expect(await check(5_000)).toMatchObject({ allowed: true, limit: 100_000, hardLimit: 110_000, state: 'grace' })
  expect(await check(5_001)).toMatchObject({ allowed: false, remaining: 5_000 })

  const { caller: unlimited } = await installation.enter({ plan: 'starter' })
  expect(await unlimited.usage.check({ ...current, metric: 'bandwidth', amount: 1_000_000_000_000 })).toEqual(
    expect.objectContaining({ allowed: true, limit: null, hardLimit: null, remaining: null }),
  )
})

test('a check says the same as consuming does, and counts nothing itself', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'free' })
  const one = { ...current, metric: 'pipeline_runs' }
  for (let run = 0; run < 20; run++) {
    expect(await caller.usage.check(one)).toMatchObject({ allowed: true, used: run })
    await caller.usage.consume(one)
  }
  expect(await caller.usage.check(one)).toMatchObject({ allowed: false, used: 20, remaining: 0, state: 'blocked' })
  await expect(caller.usage.consume(one)).rejects.toMatchObject({ code: 'usage.limit_exceeded' })
  expect((await usageRows(installation, tenant.id)).events).toHaveLength(20)
})

test('a check answers for what is counted from rows too', async () => {
  const { caller } = await installation.enter({ plan: 'free' })
  expect(await caller.usage.check({ ...current, metric: 'users' })).toMatchObject({ used: 1, resetsAt: null })
  await expect(caller.usage.check({ ...current, metric: 'minutes' })).rejects.toMatchObject({
    code: 'usage.unknown_meter',
  })
})
