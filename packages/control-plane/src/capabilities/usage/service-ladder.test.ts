import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { InternalCaller } from '../../caller.ts'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { saveLimitOverrides } from '../limit/index.ts'
import { createTestClock } from './service.fixture.ts'

const clock = createTestClock('2026-11-03T10:00:00Z')
let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock })
})
beforeEach(() => clock.set('2026-11-03T10:00:00Z'))
afterAll(() => installation.close())

const current = { tenantId: 'current' }
const consume = (caller: InternalCaller, amount: number, metric = 'tokens') =>
  caller.usage.consume({ ...current, metric, amount })
const refused = (used: number) => ({ code: 'usage.limit_exceeded', status: 429, details: { used } })

async function enter(plan: string) {
  const { tenant } = await installation.enter({ plan })
  return { tenant, caller: installation.callerAs({ type: 'service', name: 'product' }, tenant.id) }
}

const stateOf = async (caller: InternalCaller, metric = 'tokens') =>
  (await caller.tenants.usage()).meters.find(({ meter }) => meter === metric)

test('past the limit grace goes on for its days, from the first time in a period on; then the limit is the end', async () => {
  const { caller } = await enter('free')
  expect(await consume(caller, 100_000)).toMatchObject({ state: 'warning', remaining: 10_000 })
  expect(await consume(caller, 4_000)).toMatchObject({ state: 'grace', remaining: 6_000 })
  clock.set('2026-11-10T09:59:59Z')
  expect(await consume(caller, 1_000)).toMatchObject({ state: 'grace', remaining: 5_000 })
  expect(await stateOf(caller)).toMatchObject({ state: 'grace', hardLimit: 110_000 })
  clock.set('2026-11-10T10:00:00Z')
  await expect(consume(caller, 1)).rejects.toMatchObject(refused(105_000))
  expect(await stateOf(caller)).toMatchObject({ state: 'blocked', hardLimit: 100_000 })
  // What has happened is recorded all the same.
  expect(await caller.usage.track({ ...current, metric: 'tokens', amount: 1 })).toMatchObject({ state: 'blocked' })
})

test('a new period begins with nothing used, and with grace of its own', async () => {
  const { caller } = await enter('free')
  await caller.usage.track({ ...current, metric: 'tokens', amount: 200_000 })
  await expect(consume(caller, 1)).rejects.toMatchObject(refused(200_000))
  clock.set('2026-12-01T00:00:00Z')
  expect(await consume(caller, 105_000)).toMatchObject({ state: 'grace', used: 105_000, remaining: 5_000 })
})

test('a gauge has grace once a month, however often it falls and rises', async () => {
  const { caller } = await enter('free')
  const move = (amount: number) => consume(caller, amount, 'conversations')
  expect(await move(52)).toMatchObject({ state: 'grace', remaining: 3 })
  clock.set('2026-11-12T10:00:00Z')
  await move(-10)
  await expect(move(9)).rejects.toMatchObject(refused(42))
  expect(await move(8)).toMatchObject({ used: 50, remaining: 0 })
  clock.set('2026-12-01T10:00:00Z')
  expect(await move(3)).toMatchObject({ used: 53, state: 'grace', remaining: 2 })
})

test('a meter without grace ends at its limit, and whoever is refused has used nothing', async () => {
  const { caller } = await enter('free')
  await consume(caller, 20, 'pipeline_runs')
  await expect(consume(caller, 1, 'pipeline_runs')).rejects.toMatchObject({
    code: 'usage.limit_exceeded',
    details: {
      meter: 'pipeline_runs',
      limit: 20,
      hardLimit: 20,
      used: 20,
      remaining: 0,
      resetsAt: '2026-12-01T00:00:00.000Z',
    },
  })
  expect(await stateOf(caller, 'pipeline_runs')).toMatchObject({ used: 20, state: 'blocked' })
})

test('who is refused is told where the meter ends, and what would still fit', async () => {
  const { tenant, caller } = await enter('free')
  await consume(caller, 104_000)
  await caller.usage.reserve({ ...current, metric: 'tokens', amount: 2_000 })
  const details = { limit: 100_000, hardLimit: 110_000, used: 104_000, held: 2_000, remaining: 4_000 }
  const told = { code: 'usage.limit_exceeded', details: { meter: 'tokens', ...details } }
  await expect(consume(caller, 4_001)).rejects.toMatchObject(told)
  await expect(caller.usage.reserve({ ...current, metric: 'tokens', amount: 4_001 })).rejects.toMatchObject(told)
  const ask = (amount: number) => caller.access.check({ ...current, meter: 'tokens', amount })
  expect(await ask(4_000)).toMatchObject({ allowed: true })
  expect(await ask(4_001)).toMatchObject({ allowed: false, reasons: [{ code: told.code, ...told.details }] })
  const overrides = { tokens: { value: 0 } }
  await installation.callerAs(operator).limits.setOverrides({ tenantId: tenant.id, overrides, reason: 'Unpaid' })
  await expect(consume(caller, 1)).rejects.toMatchObject({ details: { hardLimit: 0, remaining: 0 } })
})

test('a meter of which nothing may be used is blocked at every place, and what was refused was not used', async () => {
  const { tenant, caller } = await enter('free')
  const overrides = { conversations: { value: 0 } }
  await installation.callerAs(operator).limits.setOverrides({ tenantId: tenant.id, overrides, reason: 'Unpaid' })
  const blocked = { used: 0, limit: 0, hardLimit: 0, state: 'blocked' }
  expect(await stateOf(caller, 'conversations')).toMatchObject({ ...blocked, percent: 0 })
  const asked = { ...current, metric: 'conversations' }
  expect(await caller.usage.check(asked)).toMatchObject({ ...blocked, allowed: false, remaining: 0 })
  await expect(consume(caller, 1, 'conversations')).rejects.toMatchObject({ details: { hardLimit: 0, remaining: 0 } })
  expect(await stateOf(caller, 'conversations')).toMatchObject(blocked)
})

test('a plan, an override and its end hold from the next call on', async () => {
  const { tenant, caller } = await enter('free')
  await consume(caller, 110_000)
  await expect(consume(caller, 1)).rejects.toMatchObject(refused(110_000))
  const asOperator = installation.callerAs(operator, tenant.id)
  await asOperator.tenants.update({ ...current, plan: 'starter' })
  expect(await consume(caller, 1)).toMatchObject({ used: 110_001, limit: 1_000_000, state: 'ok' })

  await installation.database.tenantUnit({ tenantId: tenant.id, actor: operator, readOnly: false }, (em) =>
    saveLimitOverrides(em, [
      {
        meter: 'tokens',
        value: 110_005,
        reason: 'trial',
        expiresAt: new Date('2026-11-04T10:00:00Z'),
        createdAt: clock.now(),
      },
    ]),
  )
  expect(await consume(caller, 4)).toMatchObject({ limit: 110_005, remaining: 0 })
  await expect(consume(caller, 1)).rejects.toMatchObject(refused(110_005))
  clock.set('2026-11-04T10:00:00Z')
  expect(await consume(caller, 1)).toMatchObject({ limit: 1_000_000 })
})

test('a batch counts each event for itself, in order, and says of each why not', async () => {
  const { caller } = await enter('free')
  const { results } = await caller.usage.trackBatch({
    ...current,
    events: [
      { metric: 'tokens', amount: 5, idempotencyKey: 'a' },
      { metric: 'tokens', amount: 5, idempotencyKey: 'a' },
      { metric: 'tokens', amount: 6, idempotencyKey: 'a' },
      { metric: 'tokens', amount: 2, occurredAt: '2026-10-30T10:00:00Z' },
      { metric: 'no_such_meter' },
      { metric: 'tokens', amount: -1 },
      { metric: 'storage', amount: -1 },
      { metric: 'tokens', amount: 1.5 },
      'tokens' as never,
      { metric: 'tokens', amount: 1, surprise: true } as never,
      { metric: 'tokens', amount: 1, occurredAt: '2027-01-01T00:00:00Z' },
      { metric: 'users', amount: 1 },
      { metric: 'tokens', amount: 3 },
    ],
  })
  expect(results.map(({ outcome, code, used }) => code ?? [outcome, used])).toEqual([
    ['accepted', 5],
    ['duplicate', 5],
    'usage.idempotency_conflict',
    ['accepted', 2],
    'usage.unknown_meter',
    'request.invalid',
    'usage.below_zero',
    'request.invalid',
    'request.invalid',
    'request.invalid',
    'request.invalid',
    'request.invalid',
    ['accepted', 8],
  ])
  expect(results[7]?.issues).toEqual([{ path: 'amount', message: expect.any(String) }])
  expect(await stateOf(caller)).toMatchObject({ used: 8 })
})

test('a batch of more than a thousand events is refused as a whole', async () => {
  const { caller } = await enter('free')
  const events = Array.from({ length: 1_001 }, () => ({ metric: 'tokens' }))
  await expect(caller.usage.trackBatch({ ...current, events })).rejects.toMatchObject({
    code: 'request.invalid',
    details: { issues: [{ path: 'events' }] },
  })
  expect(await stateOf(caller)).toMatchObject({ used: 0 })
})
