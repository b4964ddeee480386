import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { createTestClock, usageRows } from '../usage/service.fixture.ts'
import { current, enterLimited, start, usageOf } from './service.fixture.ts'

const clock = createTestClock('2026-11-21T10:00:00Z')
let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock })
})
beforeEach(() => clock.set('2026-11-21T10:00:00Z'))
afterAll(() => installation.close())

test('a run takes one of the month and holds a slot until it is completed', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'starter' })
  const parameters = { source: 's3://logs', tables: ['a', 'b'], options: { full: true, since: null } }
  const run = await start(caller, { workload: 'nightly import', parameters })
  expect(run).toEqual({
    id: expect.any(String),
    workload: 'nightly import',
    parameters,
    state: 'running',
    idempotencyKey: null,
    startedAt: '2026-11-21T10:00:00.000Z',
    leaseSeconds: 60,
    leaseExpiresAt: '2026-11-21T10:01:00.000Z',
    endedAt: null,
    replayed: false,
  })
  expect(await usageOf(caller)).toMatchObject({ runs: { used: 1, limit: 200 }, slots: { used: 1, limit: 5 } })

  clock.set('2026-11-21T10:00:30Z')
  const ended = await caller.runs.complete({ ...current, runId: run.id, outcome: 'succeeded' })
  expect(ended).toMatchObject({ state: 'succeeded', leaseExpiresAt: null, endedAt: '2026-11-21T10:00:30.000Z' })
  expect(await usageOf(caller)).toMatchObject({ runs: { used: 1 }, slots: { used: 0 } })
  expect(await caller.runs.get({ ...current, runId: run.id })).toEqual(ended)
  const { events } = await usageRows(installation, tenant.id)
  expect(events).toMatchObject([{ id: run.id, meter: 'pipeline_runs', amount: 1 }])
})

test.each(['succeeded', 'failed', 'cancelled'] as const)(
  'a run that %s is completed once: the same again answers the same, another outcome is refused',
  async (outcome) => {
    const { caller } = await installation.enter()
    const { id: runId } = await start(caller)
    const first = await caller.runs.complete({ ...current, runId, outcome })
    clock.set('2026-11-21T11:00:00Z')
    expect(await caller.runs.complete({ ...current, runId, outcome })).toEqual(first)
    const refused = { code: 'run.already_ended', status: 409, details: { state: outcome } }
    await expect(caller.runs.complete({ ...current, runId, outcome: 'not_started' })).rejects.toMatchObject(refused)
    await expect(caller.runs.heartbeat({ ...current, runId })).rejects.toMatchObject(refused)
    expect((await caller.runs.list(current)).totals).toMatchObject({ started: 1, [outcome]: 1, notStarted: 0, lost: 0 })
    expect(await usageOf(caller)).toMatchObject({ runs: { used: 1 }, slots: { used: 0 } })
  },
)

test('what was not started is given back, in the month that it was counted in, and once', async () => {
  clock.set('2026-11-30T23:59:30Z')
  const { tenant, caller } = await installation.enter()
  const { id: runId } = await start(caller, { workload: 'at the turn of the month' })
  await start(caller)
  clock.set('2026-12-01T00:00:10Z')
  await start(caller)
  for (const _ of [1, 2]) {
    const ended = await caller.runs.complete({ ...current, runId, outcome: 'not_started' })
    expect(ended).toMatchObject({ state: 'not_started', leaseExpiresAt: null })
  }
  expect(await usageOf(caller)).toMatchObject({ runs: { used: 1 }, slots: { used: 2 } })
  const { counters, daily, events } = await usageRows(installation, tenant.id)
  expect(counters).toMatchObject([
    { period: '2026-11-01', used: 1 },
    { period: '2026-12-01', used: 1 },
  ])
  expect(daily).toMatchObject([
    { day: '2026-11-30', used: 1 },
    { day: '2026-12-01', used: 1 },
  ])
  expect(events.map(({ amount }) => amount)).toEqual([1, 1, 1, -1])
  const { items } = await caller.usage.events({ ...current, metric: 'pipeline_runs' })
  expect(items.find(({ amount }) => amount === -1)).toMatchObject({ voids: runId })
})

test('what was given back by hand is not given back again', async () => {
  const { caller } = await installation.enter()
  const { id } = await start(caller)
  await start(caller)
  await caller.usage.void({ ...current, eventId: id, reason: 'It was a rehearsal' })
  await caller.runs.complete({ ...current, runId: id, outcome: 'not_started' })
  expect(await usageOf(caller)).toMatchObject({ runs: { used: 1 }, slots: { used: 1 } })
})

test('a key answers the run it started, while that runs and after it has ended, and takes nothing again', async () => {
  const { tenant, user, caller } = await enterLimited(installation, { runs: 1, slots: 1 })
  const run = await start(caller, { idempotencyKey: 'hour-10', parameters: { hour: 10 } })
  const again = () => start(caller, { idempotencyKey: 'hour-10', parameters: { hour: 10 } })
  expect(run).toMatchObject({ replayed: false, idempotencyKey: 'hour-10' })
  expect(await again()).toEqual({ ...run, replayed: true })
  const byHeader = installation.callerAs(user, tenant.id, { idempotencyKey: 'hour-10' })
  expect(await start(byHeader, { parameters: { hour: 10 } })).toEqual({ ...run, replayed: true })

  await caller.runs.complete({ ...current, runId: run.id, outcome: 'failed' })
  // Longer than usage events are told apart by their keys.
  clock.set('2027-01-21T10:00:00Z')
  expect(await again()).toMatchObject({ id: run.id, state: 'failed', replayed: true })
  expect(await usageOf(caller)).toMatchObject({ runs: { used: 0 }, slots: { used: 0 } })
  expect((await usageRows(installation, tenant.id)).events).toHaveLength(1)
})

test.each([
  ['another workload', { workload: 'weekly' }],
  ['other parameters', { parameters: { hour: 11 } }],
  ['parameters gone', { parameters: undefined }],
])('a key that comes again with %s is refused and takes nothing', async (_, other) => {
  const { caller } = await installation.enter()
  const given = { idempotencyKey: 'hour-10', parameters: { hour: 10 } }
  await start(caller, given)
  await expect(start(caller, { ...given, ...other })).rejects.toMatchObject({
    code: 'usage.idempotency_conflict',
    status: 422,
  })
  expect(await usageOf(caller)).toMatchObject({ runs: { used: 1 }, slots: { used: 1 } })
})

test.each(['tokens', 'pipeline_runs'])('a key that an event of %s has starts no run', async (metric) => {
  const { caller } = await installation.enter()
  await caller.usage.track({ ...current, metric, amount: 1, idempotencyKey: 'taken' })
  await expect(start(caller, { idempotencyKey: 'taken' })).rejects.toMatchObject({ code: 'usage.idempotency_conflict' })
  expect(await usageOf(caller)).toMatchObject({ slots: { used: 0 } })
  expect((await caller.runs.list(current)).items).toEqual([])
})

test('a key of the header that differs from that of the body is refused, and names the field', async () => {
  const { tenant, user } = await installation.enter()
  const caller = installation.callerAs(user, tenant.id, { idempotencyKey: 'a' })
  await expect(start(caller, { idempotencyKey: 'b' })).rejects.toMatchObject({
    code: 'request.invalid',
    details: { issues: [{ path: 'idempotencyKey' }] },
  })
})

test.each([
  ['workload', { workload: '' }],
  ['workload', { workload: 'x'.repeat(201) }],
  ['leaseSeconds', { leaseSeconds: 9 }],
  ['leaseSeconds', { leaseSeconds: 3_601 }],
  ['leaseSeconds', { leaseSeconds: 10.5 }],
  ['parameters', { parameters: { text: 'x'.repeat(20_000) } }],
  ['parameters', { parameters: { text: 'a\0b' } }],
  ['parameters', { parameters: { deep: [{ '\ud800': 1 }] } }],
  ['parameters', { parameters: { since: new Date(0) } }],
  ['parameters', { parameters: { rows: Number.NaN } }],
  ['parameters', { parameters: { deep: JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`) as unknown } }],
])('a bad %s is named, and nothing is taken', async (path, given) => {
  const { caller } = await installation.enter()
  await expect(start(caller, given)).rejects.toMatchObject({
    code: 'request.invalid',
    details: { issues: [{ path: expect.stringContaining(path) }] },
  })
  expect(await usageOf(caller)).toMatchObject({ runs: { used: 0 }, slots: { used: 0 } })
})

test('runs are listed by pages, the newest first, of a state and of a workload, with the counts of all', async () => {
  const { caller } = await installation.enter()
  const ids: string[] = []
  for (const workload of ['a', 'b', 'a', 'a', 'b']) ids.unshift((await start(caller, { workload })).id)
  const [, fourth = '', third = ''] = ids
  await caller.runs.complete({ ...current, runId: third, outcome: 'succeeded' })
  await caller.runs.complete({ ...current, runId: fourth, outcome: 'failed' })

  const pages: string[][] = []
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await caller.runs.list({ ...current, limit: 2, ...(cursor === undefined ? {} : { cursor }) })
    pages.push(page.items.map(({ id }) => id))
    cursor = page.nextCursor
  }
  expect(pages).toEqual([ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)])
  const idsOf = async (given: object) => (await caller.runs.list({ ...current, ...given })).items.map(({ id }) => id)
  expect(await idsOf({ workload: 'b' })).toEqual([ids[0], ids[3]])
  expect(await idsOf({ state: 'failed' })).toEqual([fourth])
  expect(await idsOf({ state: 'running', workload: 'a' })).toEqual([ids[4]])
  expect(await caller.runs.list({ ...current, state: 'cancelled' })).toEqual({
    items: [],
    nextCursor: null,
    totals: { started: 5, running: 3, succeeded: 1, failed: 1, cancelled: 0, notStarted: 0, lost: 0 },
    lastRunAt: '2026-11-21T10:00:00.000Z',
  })
})

test('nobody finds, renews or completes a run of another tenant', async () => {
  const { caller } = await installation.enter()
  const { caller: other } = await installation.enter()
  const { id: runId } = await start(caller)
  const refused = { code: 'run.not_found', status: 404 }
  await expect(other.runs.get({ ...current, runId })).rejects.toMatchObject(refused)
  await expect(other.runs.heartbeat({ ...current, runId })).rejects.toMatchObject(refused)
  await expect(other.runs.complete({ ...current, runId, outcome: 'failed' })).rejects.toMatchObject(refused)
  expect((await other.runs.list(current)).totals.started).toBe(0)
  expect(await caller.runs.get({ ...current, runId })).toMatchObject({ state: 'running' })
})
