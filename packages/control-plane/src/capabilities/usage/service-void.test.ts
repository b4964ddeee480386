import { newId } from '@tenantry/kernel/tenancy/id'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { createTestClock, usageRows } from './service.fixture.ts'

const clock = createTestClock('2026-11-21T10:00:00Z')
let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock })
})
beforeEach(() => clock.set('2026-11-21T10:00:00Z'))
afterAll(() => installation.close())

const current = { tenantId: 'current' }
const reason = 'Reported by mistake'

/** Used is the sum of the events, and of the days. */
async function expectSums(tenantId: string): Promise<void> {
  const { counters, daily, events } = await usageRows(installation, tenantId)
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
  for (const { meter, period, used } of counters) {
    const own = events.filter((event) => event.meter === meter && event.period === period)
    expect(used).toBe(sum(own.map(({ amount }) => amount)))
    expect(used).toBeGreaterThanOrEqual(0)
  }
  for (const meter of new Set(counters.map((counter) => counter.meter))) {
    const of = <Row extends { meter: string }>(rows: Row[]) => rows.filter((row) => row.meter === meter)
    expect(sum(of(daily).map(({ used }) => used))).toBe(sum(of(counters).map(({ used }) => used)))
  }
}

test('an event is taken back in its own period, and is itself untouched', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'free' })
  await caller.usage.track({ ...current, metric: 'tokens', amount: 40, idempotencyKey: 'call-1' })
  clock.set('2026-12-02T10:00:00Z')
  await caller.usage.track({ ...current, metric: 'tokens', amount: 3 })
  const before = (await usageRows(installation, tenant.id)).events
  const answer = await caller.usage.void({ ...current, idempotencyKey: 'call-1', reason })
  expect(answer).toMatchObject({
    voids: before[0]?.id,
    metric: 'tokens',
    amount: -40,
    occurredAt: '2026-11-21T10:00:00.000Z',
    receivedAt: '2026-12-02T10:00:00.000Z',
  })
  const { counters, daily, events } = await usageRows(installation, tenant.id)
  expect(counters).toMatchObject([
    { period: '2026-11-01', used: 0 },
    { period: '2026-12-01', used: 3 },
  ])
  expect(daily).toMatchObject([
    { day: '2026-11-21', used: 0 },
    { day: '2026-12-02', used: 3 },
  ])
  expect(events.slice(0, 2)).toEqual(before)
  const { items } = await caller.usage.events(current)
  expect(items[0]).toMatchObject({ id: answer.id, voids: before[0]?.id, idempotencyKey: null, properties: { reason } })
  expect(items[2]).toMatchObject({ voids: null, idempotencyKey: 'call-1' })
})

test('an event is taken back once, however often and by whatever name it is asked, and long after', async () => {
  const { tenant, caller } = await installation.enter()
  await caller.usage.track({ ...current, metric: 'tokens', amount: 40, idempotencyKey: 'call-1' })
  const [event] = (await caller.usage.events(current)).items
  const ask = () => caller.usage.void({ ...current, eventId: event?.id, reason })
  const answers = await Promise.all(Array.from({ length: 6 }, ask))
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
  expect(await caller.usage.void({ ...current, idempotencyKey: 'call-1', reason: 'Another' })).toEqual(answers[0])
  clock.set('2027-03-01T00:00:00Z')
  expect(await ask()).toEqual(answers[0])

  const { counters, events } = await usageRows(installation, tenant.id)
  expect(counters).toMatchObject([{ used: 0 }])
  expect(events).toHaveLength(2)
  const voided = (await installation.auditEntries(tenant.id)).filter(({ action }) => action === 'usage.voided')
  expect(voided).toMatchObject([
    { targetType: 'usage_event', targetId: event?.id, details: { reason, meter: 'tokens', amount: 40 } },
  ])
})

test('what is taken back makes room again at once', async () => {
  const { caller } = await installation.enter({ plan: 'free' })
  await caller.usage.consume({ ...current, metric: 'pipeline_runs', amount: 20, idempotencyKey: 'runs' })
  await expect(caller.usage.consume({ ...current, metric: 'pipeline_runs' })).rejects.toMatchObject({
    code: 'usage.limit_exceeded',
  })
  await caller.usage.void({ ...current, idempotencyKey: 'runs', reason })
  expect(await caller.usage.check({ ...current, metric: 'pipeline_runs' })).toMatchObject({ allowed: true, used: 0 })
  expect(await caller.usage.consume({ ...current, metric: 'pipeline_runs' })).toMatchObject({ used: 1 })
})

test('a gauge does not fall below zero by it', async () => {
  const { tenant, caller } = await installation.enter()
  await caller.usage.track({ ...current, metric: 'storage', amount: 10, idempotencyKey: 'upload' })
  await caller.usage.track({ ...current, metric: 'storage', amount: -8, idempotencyKey: 'removal' })
  const voidOf = (idempotencyKey: string) => caller.usage.void({ ...current, idempotencyKey, reason })
  await expect(voidOf('upload')).rejects.toMatchObject({ code: 'usage.below_zero' })
  expect(await voidOf('removal')).toMatchObject({ amount: 8 })
  expect(await voidOf('upload')).toMatchObject({ amount: -10 })
  expect((await usageRows(installation, tenant.id)).counters).toMatchObject([{ used: 0 }])
  await expectSums(tenant.id)
})

test('used is the sum of events and of days, whatever is voided while more comes in', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'enterprise' })
  const keys = Array.from({ length: 30 }, (_, number) => `event-${number}`)
  await Promise.all(
    keys.map((idempotencyKey, number) => {
      const occurredAt = `2026-${number % 2 === 0 ? '11-2' : '10-3'}${number % 3 === 0 ? 1 : 0}T09:00:00Z`
      return caller.usage.track({ ...current, metric: 'tokens', amount: number + 1, idempotencyKey, occurredAt })
    }),
  )
  await Promise.all([
    ...keys.slice(0, 20).map((idempotencyKey) => caller.usage.void({ ...current, idempotencyKey, reason })),
    ...keys.slice(5, 15).map((idempotencyKey) => caller.usage.void({ ...current, idempotencyKey, reason })),
    ...keys.map((_, number) => caller.usage.track({ ...current, metric: 'tokens', amount: number + 1 })),
  ])
  await expectSums(tenant.id)
  const { counters, events } = await usageRows(installation, tenant.id)
  expect(events).toHaveLength(80)
  const total = counters.reduce((sum, { used }) => sum + used, 0)
  expect(total).toBe(2 * 465 - 210)
})

test('what is not there, not named, or takes back another itself is refused', async () => {
  const { caller } = await installation.enter()
  const { caller: other } = await installation.enter()
  await other.usage.track({ ...current, metric: 'tokens', idempotencyKey: 'theirs' })
  const [theirs] = (await other.usage.events(current)).items
  const refusalOf = (question: { eventId?: string | undefined; idempotencyKey?: string }) =>
    caller.usage.void({ ...current, reason, ...question }).catch((error) => error)
  for (const unknown of [{ eventId: newId() }, { eventId: theirs?.id }, { idempotencyKey: 'theirs' }])
    expect(await refusalOf(unknown)).toMatchObject({ code: 'usage.event_not_found', status: 404 })
  const invalid = { code: 'request.invalid', details: { issues: [{ path: 'eventId' }] } }
  expect(await refusalOf({})).toMatchObject(invalid)
  expect(await refusalOf({ eventId: newId(), idempotencyKey: 'both' })).toMatchObject(invalid)
  const { id } = await other.usage.void({ ...current, eventId: theirs?.id, reason })
  await expect(other.usage.void({ ...current, eventId: id, reason })).rejects.toMatchObject(invalid)
})

test('where nothing can be counted now it is refused, of a meter too that is let through meanwhile, and can be asked again', async () => {
  const { tenant, caller } = await installation.enter()
  await caller.usage.track({ ...current, metric: 'api_calls', amount: 40, idempotencyKey: 'call-1' })
  const admin = new pg.Client(installation.testDatabase.adminUrl)
  await admin.connect()
  onTestFinished(() => admin.end())
  await admin.query('begin')
  await admin.query('select from tenantry.usage_accounts where tenant_id = $1 for update', [tenant.id])
  const ask = () => caller.usage.void({ ...current, idempotencyKey: 'call-1', reason })
  await expect(ask()).rejects.toMatchObject({ code: 'service.overloaded' })
  expect(installation.dependencies.services.metering.deferred).toBe(0)
  await admin.query('commit')
  expect(await ask()).toMatchObject({ amount: -40 })
  expect((await usageRows(installation, tenant.id)).counters).toMatchObject([{ used: 0 }])
})
