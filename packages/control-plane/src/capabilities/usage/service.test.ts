import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createInternalCaller } from '../../caller.ts'
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

describe('track', () => {
  test('adds to the period of the event, and answers where the tenant stands', async () => {
    const { tenant, caller } = await installation.enter({ plan: 'free', role: 'member' })
    expect(await caller.usage.track({ ...current, metric: 'tokens', amount: 500 })).toEqual({
      outcome: 'accepted',
      metric: 'tokens',
      amount: 500,
      used: 500,
      limit: 100_000,
      remaining: 109_500,
      state: 'ok',
      resetsAt: '2026-12-01T00:00:00.000Z',
    })
    expect(await caller.usage.track({ tenantId: tenant.slug, metric: 'tokens' })).toMatchObject({
      amount: 1,
      used: 501,
    })
    expect(await caller.tenants.usage()).toMatchObject({ tokensUsed: 501 })
  })

  test('keeps the event as it was told, and writes no audit entry', async () => {
    const { tenant, caller } = await installation.enter()
    const properties = { model: 'large', cached: false, seconds: 1.5, 'note <b>': '<script>\n', region: null }
    await caller.usage.track({
      ...current,
      metric: 'tokens',
      amount: 7,
      idempotencyKey: 'call-1',
      occurredAt: '2026-11-21T10:30:00+01:00',
      properties,
    })
    const { counters, daily, events } = await usageRows(installation, tenant.id)
    const occurredAt = new Date('2026-11-21T09:30:00Z')
    const receivedAt = clock.now()
    expect(events).toMatchObject([
      { idempotencyKey: 'call-1', meter: 'tokens', amount: 7, occurredAt, receivedAt, properties },
    ])
    expect(counters).toMatchObject([{ meter: 'tokens', period: '2026-11-01', used: 7, revision: 1 }])
    expect(daily).toMatchObject([{ meter: 'tokens', day: '2026-11-21', used: 7, events: 1 }])
    expect(await installation.auditEntries(tenant.id)).toEqual([])
  })

  test('counts what has happened even beyond every limit', async () => {
    const { caller } = await installation.enter({ plan: 'free' })
    expect(await caller.usage.track({ ...current, metric: 'pipeline_runs', amount: 25 })).toMatchObject({
      used: 25,
      limit: 20,
      state: 'blocked',
    })
    expect(await caller.usage.track({ ...current, metric: 'pipeline_runs' })).toMatchObject({
      outcome: 'accepted',
      used: 26,
    })
  })

  test.each([0, -1, 1.5, 1_000_000_000_001, Number.NaN])(
    'refuses %d of a counter, naming the field',
    async (amount) => {
      const { tenant, caller } = await installation.enter()
      await expect(caller.usage.track({ ...current, metric: 'tokens', amount })).rejects.toMatchObject({
        code: 'request.invalid',
        status: 400,
        details: { issues: [{ path: 'amount' }] },
      })
      expect(await usageRows(installation, tenant.id)).toEqual({ counters: [], daily: [], events: [] })
    },
  )

  test.each(['minutes', '__proto__', 'constructor'])('knows no meter %s', async (metric) => {
    const { caller } = await installation.enter()
    await expect(caller.usage.track({ ...current, metric })).rejects.toMatchObject({
      code: 'usage.unknown_meter',
      status: 404,
      message: expect.stringContaining(metric),
    })
  })

  test.each(['concurrent_pipelines', 'users', 'admins', 'teams', 'custom_roles'])(
    'refuses %s, which is not reported',
    async (metric) => {
      const { caller } = await installation.enter()
      await expect(caller.usage.track({ ...current, metric })).rejects.toMatchObject({
        code: 'request.invalid',
        details: { issues: [{ path: 'metric' }] },
      })
    },
  )

  test.each<Record<string, string>>([{ note: 'a\u0000b' }, { note: 'a\ud800' }, { 'a\u0000': 'b' }])(
    'refuses the properties %j, which cannot be kept',
    async (properties) => {
      const { caller } = await installation.enter()
      await expect(caller.usage.track({ ...current, metric: 'tokens', properties })).rejects.toMatchObject({
        code: 'request.invalid',
        details: { issues: [{ path: `properties.${Object.keys(properties)[0]}` }] },
      })
    },
  )

  test('has a budget of its own, shared by all callers of a tenant', async () => {
    const { tenant, user, caller } = await installation.enter()
    const budget = async () => ({ points: 3, windowSeconds: 60 })
    const track = (actor: typeof user) =>
      createInternalCaller(
        { ...installation.dependencies, budget },
        { actor: { type: 'user', ...actor, name: null }, tenantId: tenant.id },
      ).usage.track({
        ...current,
        metric: 'tokens',
      })
    const colleague = await installation.createMember(tenant.id, 'member')
    await track(user)
    await track(colleague)
    await track(user)
    await expect(track(colleague)).rejects.toMatchObject({ code: 'rate_limit.exceeded', details: { limit: 3 } })
    expect(await caller.tenants.usage()).toMatchObject({ tokensUsed: 3 })
  })
})

describe('the period of an event', () => {
  test('is the month of the timezone of the tenant, to the millisecond', async () => {
    const { tenant, caller } = await installation.enter({ timezone: 'America/New_York' })
    const track = () => caller.usage.track({ ...current, metric: 'tokens', amount: 5 })
    clock.set('2026-12-01T04:59:59.999Z')
    expect(await track()).toMatchObject({ used: 5, resetsAt: '2026-12-01T05:00:00.000Z' })
    clock.set('2026-12-01T05:00:00.000Z')
    expect(await caller.tenants.usage()).toMatchObject({ tokensUsed: 0 })
    expect(await track()).toMatchObject({ used: 5, resetsAt: '2027-01-01T05:00:00.000Z' })

    const { counters, daily } = await usageRows(installation, tenant.id)
    expect(counters.map(({ period, used }) => [period, used])).toEqual([
      ['2026-11-01', 5],
      ['2026-12-01', 5],
    ])
    expect(daily.map(({ day, used }) => [day, used])).toEqual([
      ['2026-11-30', 5],
      ['2026-12-01', 5],
    ])
  })

  test('is the local day for a meter that counts by day', async () => {
    const { caller } = await installation.enter({ timezone: 'Pacific/Auckland' })
    const track = () => caller.usage.track({ ...current, metric: 'api_calls', amount: 5 })
    clock.set('2026-11-21T10:59:59Z')
    expect(await track()).toMatchObject({ used: 5, resetsAt: '2026-11-21T11:00:00.000Z' })
    clock.set('2026-11-21T11:00:00Z')
    expect(await caller.tenants.usage()).toMatchObject({ apiCallsToday: 0 })
    expect(await track()).toMatchObject({ used: 5, resetsAt: '2026-11-22T11:00:00.000Z' })
    expect(await caller.tenants.usage()).toMatchObject({ apiCallsToday: 5 })
  })

  test('is an earlier one for an event that is reported late', async () => {
    const { tenant, caller } = await installation.enter()
    clock.set('2026-12-02T00:00:00Z')
    await caller.usage.track({ ...current, metric: 'tokens', amount: 3 })
    const late = { ...current, metric: 'tokens', amount: 40, occurredAt: '2026-11-28T12:00:00Z' }

    expect(await caller.usage.track(late)).toMatchObject({ used: 40, resetsAt: '2026-12-01T00:00:00.000Z' })
    expect(await caller.tenants.usage()).toMatchObject({ tokensUsed: 3 })
    const { counters } = await usageRows(installation, tenant.id)
    expect(counters).toMatchObject([
      { period: '2026-11-01', used: 40 },
      { period: '2026-12-01', used: 3 },
    ])
  })

  test.each([
    ['five minutes ahead', '2026-11-21T10:05:00Z', true],
    ['further ahead', '2026-11-21T10:05:00.001Z', false],
    ['31 days ago', '2026-10-21T10:00:00Z', true],
    ['longer ago', '2026-10-21T09:59:59.999Z', false],
    ['without a timezone', '2026-11-21T10:00:00', false],
  ])('may be %s (%s): %s', async (_, occurredAt, taken) => {
    const { caller } = await installation.enter()
    const answer = caller.usage.track({ ...current, metric: 'tokens', occurredAt })
    if (taken) await expect(answer).resolves.toMatchObject({ outcome: 'accepted' })
    else
      await expect(answer).rejects.toMatchObject({
        code: 'request.invalid',
        details: { issues: [{ path: 'occurredAt' }] },
      })
  })
})

describe('a gauge', () => {
  test('goes up and down', async () => {
    const { caller } = await installation.enter()
    const megabyte = 1024 * 1024
    await caller.usage.track({ ...current, metric: 'storage', amount: 3 * megabyte })
    expect(await caller.usage.track({ ...current, metric: 'storage', amount: -megabyte / 2 })).toMatchObject({
      used: 2.5 * megabyte,
      resetsAt: null,
    })
    expect(await caller.tenants.usage()).toMatchObject({ storageUsedMb: 2.5 })
    await expect(caller.usage.track({ ...current, metric: 'storage', amount: 0 })).rejects.toMatchObject({
      code: 'request.invalid',
    })
  })

  test('does not fall below zero, and what was refused leaves nothing behind', async () => {
    const { tenant, caller } = await installation.enter()
    const move = (amount: number, idempotencyKey?: string) =>
      caller.usage.track({ ...current, metric: 'conversations', amount, ...(idempotencyKey ? { idempotencyKey } : {}) })
    const belowZero = (used: number) => ({
      code: 'usage.below_zero',
      status: 422,
      details: { meter: 'conversations', used },
    })
    await expect(move(-1)).rejects.toMatchObject(belowZero(0))
    await move(2)
    await expect(move(-3, 'close-3')).rejects.toMatchObject(belowZero(2))

    const { counters, daily, events } = await usageRows(installation, tenant.id)
    expect(counters).toMatchObject([{ used: 2, revision: 1 }])
    expect(daily).toMatchObject([{ used: 2, events: 1 }])
    expect(events).toHaveLength(1)
    await move(1)
    expect(await move(-3, 'close-3')).toMatchObject({ outcome: 'accepted', used: 0 })
    expect(await move(-3, 'close-3')).toMatchObject({ outcome: 'duplicate', used: 0 })
  })

  test('gives exactly what it holds to callers that draw on it at once', async () => {
    const { tenant, caller } = await installation.enter()
    await caller.usage.track({ ...current, metric: 'participants', amount: 10 })
    const draws = Array.from({ length: 25 }, () =>
      caller.usage.track({ ...current, metric: 'participants', amount: -1 }),
    )
    const outcomes = await Promise.allSettled(draws)

    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []))
    expect(refused).toEqual(Array.from({ length: 15 }, () => 'usage.below_zero'))
    const { counters, events } = await usageRows(installation, tenant.id)
    expect(counters).toMatchObject([{ used: 0 }])
    expect(events).toHaveLength(11)
  })
})
