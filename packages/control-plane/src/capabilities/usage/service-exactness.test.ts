import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, inject, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { createTestClock, usageRows } from './service.fixture.ts'

const clock = createTestClock('2026-11-21T10:00:00Z')
let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock })
})
beforeEach(() => clock.set('2026-11-21T10:00:00Z'))
afterAll(() => installation.close())

const runs = inject('soak') ? 1_000 : 25
const current = { tenantId: 'current' }
const sum = (amounts: number[]) => amounts.reduce((total, amount) => total + amount, 0)

test('a key counts once where the clock of who is asked again is behind, on the other side of midnight', async () => {
  const { caller } = await installation.enter()
  const track = () => caller.usage.track({ ...current, metric: 'tokens', amount: 5, idempotencyKey: 'midnight' })
  clock.set('2026-11-22T00:00:00.050Z')
  expect(await track()).toMatchObject({ outcome: 'accepted', used: 5 })
  clock.set('2026-11-21T23:59:59.950Z')
  expect(await track()).toMatchObject({ outcome: 'duplicate', used: 5 })
})

test('an event carries a bounded amount of properties', async () => {
  const { caller } = await installation.enter()
  const properties = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`note-${n}`, 'x'.repeat(300)]))
  await expect(caller.usage.track({ ...current, metric: 'tokens', properties })).rejects.toMatchObject({
    code: 'request.invalid',
    details: { issues: [{ path: 'properties', message: 'Expected at most 4096 characters as JSON.' }] },
  })
})

test('a batch takes no key for all of it, which would say nothing of its events', async () => {
  const { tenant, user } = await installation.enter()
  const caller = installation.callerAs(user, tenant.id, { idempotencyKey: 'all' })
  const events = [{ metric: 'tokens', amount: 5 }]
  await expect(caller.usage.trackBatch({ ...current, events })).rejects.toMatchObject({
    details: { issues: [{ path: 'Idempotency-Key' }] },
  })
})

test('a key counts once, whether it comes in the input, as the header or as both', async () => {
  const { tenant, user, caller } = await installation.enter()
  const withHeader = (idempotencyKey: string) => installation.callerAs(user, tenant.id, { idempotencyKey })
  const event = { ...current, metric: 'tokens', amount: 5 }

  expect(await caller.usage.track({ ...event, idempotencyKey: 'a' })).toMatchObject({ outcome: 'accepted', used: 5 })
  const duplicate = { outcome: 'duplicate', amount: 5, used: 5, resetsAt: '2026-12-01T00:00:00.000Z' }
  expect(await caller.usage.track({ ...event, idempotencyKey: 'a' })).toMatchObject(duplicate)
  expect(await withHeader('a').usage.track(event)).toMatchObject(duplicate)
  expect(await withHeader('a').usage.track({ ...event, idempotencyKey: 'a' })).toMatchObject(duplicate)
  await expect(withHeader('b').usage.track({ ...event, idempotencyKey: 'a' })).rejects.toMatchObject({
    code: 'request.invalid',
    details: { issues: [{ path: 'idempotencyKey' }] },
  })
  const { events, daily } = await usageRows(installation, tenant.id)
  expect(events).toHaveLength(1)
  expect(daily).toMatchObject([{ used: 5, events: 1 }])
})

test('a key counts once although its time is told differently', async () => {
  const { caller } = await installation.enter()
  const event = { ...current, metric: 'tokens', amount: 5, idempotencyKey: 'a' }
  await caller.usage.track(event)
  const later = caller.usage.track({ ...event, occurredAt: '2026-10-25T00:00:00Z' })
  expect(await later).toMatchObject({ outcome: 'duplicate', used: 5, resetsAt: '2026-12-01T00:00:00.000Z' })
})

test.each([
  ['another amount', { metric: 'tokens', amount: 6 }],
  ['another meter', { metric: 'api_calls', amount: 5 }],
])('a key that comes again with %s is refused and counts nothing', async (_, other) => {
  const { tenant, caller } = await installation.enter()
  await caller.usage.track({ ...current, metric: 'tokens', amount: 5, idempotencyKey: 'a' })
  await expect(caller.usage.track({ ...current, ...other, idempotencyKey: 'a' })).rejects.toMatchObject({
    code: 'usage.idempotency_conflict',
    status: 422,
  })
  const { counters, events } = await usageRows(installation, tenant.id)
  expect(counters).toMatchObject([{ meter: 'tokens', used: 5 }])
  expect(events).toHaveLength(1)
})

test('a key of one tenant says nothing about that of another', async () => {
  const { caller } = await installation.enter()
  const { caller: other } = await installation.enter()
  await caller.usage.track({ ...current, metric: 'tokens', amount: 5, idempotencyKey: 'a' })
  const answer = await other.usage.track({ ...current, metric: 'tokens', amount: 6, idempotencyKey: 'a' })
  expect(answer).toMatchObject({ outcome: 'accepted', used: 6 })
})

test('a retry in the next month counts nothing there, not even in the cache', async () => {
  const { tenant, caller } = await installation.enter()
  const event = { ...current, metric: 'tokens', amount: 70, idempotencyKey: 'a' }
  clock.set('2026-11-30T23:59:50Z')
  await caller.usage.track(event)
  await caller.tenants.usage()
  clock.set('2026-12-01T00:00:10Z')
  await caller.usage.track({ ...current, metric: 'tokens', amount: 3 })

  expect(await caller.usage.track(event)).toMatchObject({
    outcome: 'duplicate',
    used: 70,
    resetsAt: '2026-12-01T00:00:00.000Z',
  })
  expect(await caller.tenants.usage()).toMatchObject({ tokensUsed: 3 })
  const { counters } = await usageRows(installation, tenant.id)
  expect(counters).toMatchObject([
    { period: '2026-11-01', used: 70 },
    { period: '2026-12-01', used: 3 },
  ])
})

test('one key from twenty callers at once counts once', async () => {
  const { tenant, caller } = await installation.enter()
  const event = { ...current, metric: 'tokens', amount: 5, idempotencyKey: 'a' }
  const answers = await Promise.all(Array.from({ length: 20 }, () => caller.usage.track(event)))

  expect(answers.map(({ outcome }) => outcome).toSorted()).toEqual([
    'accepted',
    ...Array.from({ length: 19 }, () => 'duplicate'),
  ])
  expect(new Set(answers.map(({ used }) => used))).toEqual(new Set([5]))
  expect((await usageRows(installation, tenant.id)).events).toHaveLength(1)
})

test('two hundred calls at once are counted to the last token', async () => {
  const { tenant, caller } = await installation.enter()
  const amounts = Array.from({ length: 200 }, (_, index) => index + 1)
  const answers = await Promise.all(
    amounts.map((amount) => caller.usage.track({ ...current, metric: 'tokens', amount })),
  )

  expect(Math.max(...answers.map(({ used }) => used))).toBe(20_100)
  expect(new Set(answers.map(({ used }) => used)).size).toBe(200)
  expect(await caller.tenants.usage()).toMatchObject({ tokensUsed: 20_100 })
  const { counters, daily } = await usageRows(installation, tenant.id)
  expect(counters).toMatchObject([{ used: 20_100 }])
  expect(daily).toMatchObject([{ used: 20_100, events: 200 }])
})

const metered = fc.constantFrom('tokens', 'api_calls', 'storage')
const trackedEvent = fc.record({
  metric: metered,
  amount: fc.integer({ min: -3, max: 5 }),
  // Few keys, so that many collide.
  idempotencyKey: fc.option(
    fc.integer({ min: 0, max: 6 }).map((key) => `key-${key}`),
    { nil: undefined },
  ),
  occurredAt: fc.constantFrom(
    '2026-11-29T12:00:00Z',
    '2026-11-30T23:59:59.999Z',
    '2026-12-01T00:00:00Z',
    '2026-12-02T09:00:00Z',
  ),
})

test('counters, days and events agree after whatever parallel callers have sent', {
  timeout: 20_000 + runs * 500,
  tags: 'soak',
}, async () => {
  clock.set('2026-12-02T10:00:00Z')
  const sent = fc.asyncProperty(fc.array(trackedEvent, { minLength: 1, maxLength: 30 }), async (inputs) => {
    const { tenant, caller } = await installation.enter()
    const outcomes = await Promise.allSettled(
      inputs.map(({ idempotencyKey, ...input }) =>
        caller.usage.track({ ...current, ...input, ...(idempotencyKey ? { idempotencyKey } : {}) }),
      ),
    )
    const refusals = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []))
    for (const code of refusals)
      expect(['request.invalid', 'usage.idempotency_conflict', 'usage.below_zero']).toContain(code)
    const accepted = outcomes.flatMap((outcome) =>
      outcome.status === 'fulfilled' && outcome.value.outcome === 'accepted' ? [outcome.value.amount] : [],
    )

    const { counters, daily, events } = await usageRows(installation, tenant.id)
    expect(events.map(({ amount }) => amount).toSorted()).toEqual(accepted.toSorted())
    const keys = events.flatMap(({ idempotencyKey }) => idempotencyKey ?? [])
    expect(new Set(keys).size).toBe(keys.length)
    for (const { meter, period, used } of counters) {
      const counted = events.filter((event) => event.meter === meter && event.period === period)
      expect({ meter, period, used }).toEqual({ meter, period, used: sum(counted.map(({ amount }) => amount)) })
      expect(used).toBeGreaterThanOrEqual(0)
    }
    expect(counters.length).toBe(new Set(events.map(({ meter, period }) => `${meter} ${period}`)).size)
    for (const { meter, day, used, events: count } of daily) {
      const ofDay = events.filter((event) => event.meter === meter && event.occurredAt.toISOString().startsWith(day))
      expect({ meter, day, used, count }).toEqual({
        meter,
        day,
        used: sum(ofDay.map(({ amount }) => amount)),
        count: ofDay.length,
      })
    }
    expect(sum(daily.map(({ events: count }) => count))).toBe(events.length)
    const { tokensUsed } = await caller.tenants.usage()
    expect(tokensUsed).toBe(
      counters.find(({ meter, period }) => meter === 'tokens' && period === '2026-12-01')?.used ?? 0,
    )
  })
  await fc.assert(sent, { numRuns: runs })
})

test('calls of every kind at once never wait for each other in a circle', async () => {
  const { caller } = await installation.enter()
  await caller.usage.track({ ...current, metric: 'storage', amount: 1000 })
  const calls = Array.from({ length: 60 }, (_, index) => {
    const idempotencyKey = index % 3 === 0 ? `shared-${index % 9}` : randomUUID()
    return caller.usage.track({ ...current, metric: 'storage', amount: index % 2 === 0 ? 5 : -5, idempotencyKey })
  })
  const outcomes = await Promise.allSettled(calls)
  const refusals = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []))
  expect(new Set(refusals)).toEqual(new Set(['usage.idempotency_conflict']))
})

test('a count ends where it could no longer be told exactly: the event is refused and not counted', async () => {
  const { tenant, caller } = await installation.enter()
  const track = (amount: number) => caller.usage.track({ tenantId: 'current', metric: 'tokens', amount })
  await track(1)
  const admin = new Client(installation.testDatabase.adminUrl)
  await admin.connect()
  await admin.query('update tenantry.usage_counters set used = $1 where tenant_id = $2', [
    Number.MAX_SAFE_INTEGER - 1,
    tenant.id,
  ])
  await admin.end()

  await expect(track(2)).rejects.toMatchObject({
    code: 'request.invalid',
    details: { issues: [{ path: 'amount', message: expect.stringContaining('exactly') }] },
  })
  expect(await track(1)).toMatchObject({ used: Number.MAX_SAFE_INTEGER })
  expect((await usageRows(installation, tenant.id)).events.map(({ amount }) => amount)).toEqual([1, 1])
})
