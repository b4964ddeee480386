import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { loseRuns } from '../../jobs.ts'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { createTestClock } from '../usage/service.fixture.ts'
import { current, enterLimited, start, usageOf } from './service.fixture.ts'

const clock = createTestClock('2026-11-21T10:00:00Z')
let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock })
})
beforeEach(() => clock.set('2026-11-21T10:00:00Z'))
afterAll(() => installation.close())

const after = (seconds: number) =>
  clock.set(new Date(Date.parse('2026-11-21T10:00:00Z') + seconds * 1_000).toISOString())

test('a heartbeat renews the lease for as long as the run asked for, and never shortens it', async () => {
  const { caller } = await enterLimited(installation, { slots: 1 })
  const { id: runId } = await start(caller, { leaseSeconds: 90 })
  after(30)
  const renewed = await caller.runs.heartbeat({ ...current, runId })
  expect(renewed).toMatchObject({ state: 'running', leaseExpiresAt: '2026-11-21T10:02:00.000Z' })
  expect(await caller.runs.heartbeat({ ...current, runId })).toEqual(renewed)
  after(20)
  expect(await caller.runs.heartbeat({ ...current, runId })).toEqual(renewed)
  after(119)
  expect(await usageOf(caller)).toMatchObject({ runs: { used: 1 }, slots: { used: 1 } })
  await expect(start(caller)).rejects.toMatchObject({ code: 'usage.limit_exceeded' })
})

test('a slot whose holder is silent is free from the instant on that its lease ends, without any job', async () => {
  const { caller } = await enterLimited(installation, { slots: 1 })
  const lost = await start(caller)
  after(59.999)
  await expect(start(caller)).rejects.toMatchObject({ details: { retryAfterSeconds: 1 } })
  expect(await usageOf(caller)).toMatchObject({ slots: { used: 1, state: 'blocked' } })
  after(60)
  // What is shown was kept before, and nothing has told of the end.
  expect(await usageOf(caller)).toMatchObject({ slots: { used: 0, state: 'ok' } })
  expect(await caller.runs.get({ ...current, runId: lost.id })).toMatchObject({
    state: 'lost',
    leaseExpiresAt: null,
    endedAt: '2026-11-21T10:01:00.000Z',
  })
  const { id } = await start(caller)
  expect(await caller.runs.list({ ...current, state: 'lost' })).toMatchObject({
    items: [{ id: lost.id }],
    totals: { started: 2, running: 1, lost: 1 },
  })
  expect((await caller.runs.list({ ...current, state: 'running' })).items.map((run) => run.id)).toEqual([id])
})

// What a late holder is told must not depend on when a job has run.
const isTidied = [false, true]

test.each(isTidied)('a late heartbeat has a free slot again; tidied up: %s', async (tidied) => {
  const { caller } = await enterLimited(installation, { slots: 1 })
  const { id: runId } = await start(caller)
  after(300)
  if (tidied) await loseRuns(installation.dependencies)
  expect(await caller.runs.heartbeat({ ...current, runId })).toMatchObject({
    state: 'running',
    leaseExpiresAt: '2026-11-21T10:06:00.000Z',
    endedAt: null,
  })
  expect(await usageOf(caller)).toMatchObject({ runs: { used: 1 }, slots: { used: 1 } })
  expect((await caller.runs.list(current)).totals).toMatchObject({ started: 1, running: 1, lost: 0 })
})

test.each(isTidied)('a late heartbeat is refused once another has the slot; tidied up: %s', async (tidied) => {
  const { caller } = await enterLimited(installation, { slots: 1 })
  const { id: runId } = await start(caller)
  after(100)
  if (tidied) await loseRuns(installation.dependencies)
  const { id: other } = await start(caller)
  await expect(caller.runs.heartbeat({ ...current, runId })).rejects.toMatchObject({
    code: 'run.lease_lost',
    status: 409,
    details: {
      meter: 'concurrent_pipelines',
      limit: 1,
      used: 1,
      resetsAt: '2026-11-21T10:02:40.000Z',
      retryAfterSeconds: 60,
    },
  })
  await caller.runs.complete({ ...current, runId: other, outcome: 'succeeded' })
  expect(await caller.runs.heartbeat({ ...current, runId })).toMatchObject({ state: 'running' })
})

test.each(isTidied)(
  'a late holder may still say how it ended, and holds nothing by it; tidied up: %s',
  async (tidied) => {
    const { caller } = await enterLimited(installation, { slots: 1 })
    const { id: runId } = await start(caller)
    after(100)
    if (tidied) await loseRuns(installation.dependencies)
    await start(caller)
    const ended = await caller.runs.complete({ ...current, runId, outcome: 'succeeded' })
    expect(ended).toMatchObject({ state: 'succeeded', endedAt: '2026-11-21T10:01:40.000Z' })
    expect(await usageOf(caller)).toMatchObject({ slots: { used: 1 } })
    expect((await caller.runs.list(current)).totals).toMatchObject({ running: 1, succeeded: 1, lost: 0 })
  },
)

test('the job writes lost runs down once, of every tenant, and leaves those alone that go on', async () => {
  const [one, other] = [await enterLimited(installation, { slots: 5 }), await enterLimited(installation, { slots: 5 })]
  const { id: gone } = await start(one.caller)
  await start(one.caller)
  await start(other.caller)
  const { id: kept } = await start(other.caller, { leaseSeconds: 600 })
  after(120)
  const totalsBefore = (await one.caller.runs.list(current)).totals
  expect(await loseRuns(installation.dependencies)).toBeGreaterThanOrEqual(3)
  expect(await loseRuns(installation.dependencies)).toBe(0)
  expect((await one.caller.runs.list(current)).totals).toEqual(totalsBefore)
  expect(totalsBefore).toMatchObject({ started: 2, running: 0, lost: 2 })
  expect(await one.caller.runs.get({ ...current, runId: gone })).toMatchObject({
    state: 'lost',
    endedAt: '2026-11-21T10:01:00.000Z',
  })
  expect(await other.caller.runs.get({ ...current, runId: kept })).toMatchObject({ state: 'running' })
  expect(await usageOf(other.caller)).toMatchObject({ slots: { used: 1 } })
})

test('a tenant whose account is held keeps the job from writing down nobody else’s', async () => {
  const [held, other] = [await enterLimited(installation, { slots: 5 }), await enterLimited(installation, { slots: 5 })]
  await start(held.caller, { leaseSeconds: 10 })
  const { id: gone } = await start(other.caller)
  after(120)
  const admin = new pg.Client(installation.testDatabase.adminUrl)
  await admin.connect()
  onTestFinished(() => admin.end())
  await admin.query('begin')
  await admin.query('select from tenantry.usage_accounts where tenant_id = $1 for update', [held.tenant.id])
  expect(await loseRuns(installation.dependencies)).toBeGreaterThanOrEqual(1)
  const { rows } = await admin.query('select state from tenantry.runs where id = $1', [gone])
  expect(rows).toEqual([{ state: 'lost' }])
  await admin.query('commit')
  expect(await loseRuns(installation.dependencies)).toBe(1)
})
