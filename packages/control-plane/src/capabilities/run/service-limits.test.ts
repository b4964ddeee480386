import type { Actor } from '@tenantry/kernel/context/actor'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { UsageLimitExceededError } from '../../errors.ts'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { alertsOf } from '../limit/service.fixture.ts'
import type { Meter } from '../plan/index.ts'
import { createTestClock, usageRows } from '../usage/service.fixture.ts'
import { renewRun } from './repository/write.ts'
import { metersOf } from './service/start.ts'
import { current, enterLimited, start, usageOf } from './service.fixture.ts'

const clock = createTestClock('2026-11-21T10:00:00Z')
let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock })
})
beforeEach(() => clock.set('2026-11-21T10:00:00Z'))
afterAll(() => installation.close())

test('without a free slot a start is refused: it says which limit, when to come again, and takes nothing', async () => {
  const { tenant, caller } = await enterLimited(installation, { slots: 2 })
  await start(caller, { leaseSeconds: 600 })
  clock.set('2026-11-21T10:00:20Z')
  await start(caller, { leaseSeconds: 120 })
  const refused = await start(caller, { idempotencyKey: 'patient' }).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(UsageLimitExceededError)
  expect(refused).toMatchObject({
    status: 429,
    details: {
      meter: 'concurrent_pipelines',
      limit: 2,
      used: 2,
      resetsAt: '2026-11-21T10:02:20.000Z',
      retryAfterSeconds: 120,
    },
  })
  expect(await usageOf(caller)).toMatchObject({ runs: { used: 2 }, slots: { used: 2, limit: 2, state: 'blocked' } })
  expect((await usageRows(installation, tenant.id)).events).toHaveLength(2)
  expect((await caller.runs.list(current)).totals).toMatchObject({ started: 2 })
  // The key was not taken either.
  clock.set('2026-11-21T10:02:20Z')
  expect(await start(caller, { idempotencyKey: 'patient' })).toMatchObject({ replayed: false })
})

test('without a run left in the month a start is refused, and holds no slot', async () => {
  const { tenant, caller } = await enterLimited(installation, { runs: 2, slots: 5 })
  await start(caller)
  await start(caller)
  await expect(start(caller)).rejects.toMatchObject({
    code: 'usage.limit_exceeded',
    details: {
      meter: 'pipeline_runs',
      limit: 2,
      hardLimit: 2,
      used: 2,
      remaining: 0,
      resetsAt: '2026-12-01T00:00:00.000Z',
      retryAfterSeconds: (9 * 24 + 14) * 3_600,
    },
  })
  expect(await usageOf(caller)).toMatchObject({ runs: { used: 2, state: 'blocked' }, slots: { used: 2 } })
  expect((await usageRows(installation, tenant.id)).events).toHaveLength(2)
  clock.set('2026-12-01T00:00:00Z')
  await start(caller)
  expect(await usageOf(caller)).toMatchObject({ runs: { used: 1 }, slots: { used: 1 } })
})

test('a limit of none lets none start, and no time is told; without a limit all do', async () => {
  const none = await enterLimited(installation, { slots: 0 })
  const refused = await start(none.caller).catch((error: unknown) => error)
  expect(refused).toMatchObject({ details: { meter: 'concurrent_pipelines', limit: 0, used: 0 } })
  expect((refused as UsageLimitExceededError).details).not.toHaveProperty('resetsAt')

  const { caller } = await enterLimited(installation, { runs: null, slots: null })
  await Promise.all(Array.from({ length: 30 }, () => start(caller)))
  expect(await usageOf(caller)).toMatchObject({ runs: { used: 30, limit: null }, slots: { used: 30, limit: null } })
})

test('upgrade, override and grant each make room at once, and a smaller limit ends nothing that goes on', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'free' })
  const operators = installation.callerAs(operator, tenant.id)
  const refused = (limit: number, used: number) => ({ details: { meter: 'concurrent_pipelines', limit, used } })
  const { id: first } = await start(caller, { leaseSeconds: 60 })
  await expect(start(caller)).rejects.toMatchObject(refused(1, 1))

  await operators.tenants.update({ ...current, plan: 'starter' })
  for (const _ of [2, 3, 4, 5]) await start(caller, { leaseSeconds: 120 })
  await expect(start(caller)).rejects.toMatchObject(refused(5, 5))

  const overrides = { concurrent_pipelines: { value: 6, expiresAt: '2026-11-21T10:00:30Z' } }
  await operators.limits.setOverrides({ ...current, overrides, reason: 'A deadline' })
  await start(caller, { leaseSeconds: 300 })
  await operators.limits.grant({ ...current, meter: 'concurrent_pipelines', amount: 1, reason: 'One more' })
  await start(caller, { leaseSeconds: 300 })
  await expect(start(caller)).rejects.toMatchObject(refused(7, 7))

  // The override has ended: five of the plan and one that was granted.
  clock.set('2026-11-21T10:00:30Z')
  expect(await usageOf(caller)).toMatchObject({ slots: { used: 7, limit: 6, state: 'blocked' } })
  expect(await caller.runs.heartbeat({ ...current, runId: first })).toMatchObject({ state: 'running' })
  await expect(start(caller)).rejects.toMatchObject({
    // Two must end before one is free.
    details: { limit: 6, used: 7, resetsAt: '2026-11-21T10:02:00.000Z' },
  })
  await operators.tenants.update({ ...current, plan: 'free' })
  await expect(start(caller)).rejects.toMatchObject(refused(2, 7))
})

test('everybody comes by the same gate: people, schedulers with a key, services and operators share the slots', async () => {
  const { tenant, caller } = await enterLimited(installation, { slots: 3 })
  const key = await caller.apiKeys.create({ ...current, name: 'Scheduler', scopes: ['runs:write'] })
  const actors: Exclude<Actor, { type: 'anonymous' }>[] = [
    { type: 'apiKey', id: key.id, tenantId: tenant.id, scopes: ['runs:write'] },
    { type: 'service', name: 'scheduler' },
    operator,
  ]
  const member = installation.callerAs(await installation.createMember(tenant.id, 'member'), tenant.id)
  const callers = [caller, member, ...actors.map((actor) => installation.callerAs(actor, tenant.id))]
  const settled = await Promise.allSettled(callers.flatMap((one) => [1, 2, 3].map(() => start(one))))
  const refusals = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
  expect(refusals.map(({ code }) => code)).toEqual(Array.from({ length: 12 }, () => 'usage.limit_exceeded'))
  expect(await usageOf(caller)).toMatchObject({ runs: { used: 3 }, slots: { used: 3 } })
})

test('thresholds are told of the runs of the month, and of slots none', async () => {
  const { tenant, caller } = await enterLimited(installation, { runs: 5, slots: 4 })
  for (const _ of [1, 2, 3, 4]) await start(caller)
  expect(await alertsOf(installation, caller, tenant.id)).toEqual([80])
  const { meters } = await caller.tenants.usage()
  expect(meters.find(({ meter }) => meter === 'concurrent_pipelines')).toMatchObject({
    state: 'blocked',
    resetsAt: null,
  })
})

test('whoever asks before it starts is told how many slots are free', async () => {
  const { caller } = await enterLimited(installation, { slots: 2 })
  const ask = (amount: number) => caller.usage.check({ ...current, metric: 'concurrent_pipelines', amount })
  expect(await ask(2)).toMatchObject({ allowed: true, used: 0, remaining: 2 })
  const { id: runId } = await start(caller)
  expect(await ask(2)).toMatchObject({ allowed: false, used: 1, remaining: 1 })
  expect(await ask(1)).toMatchObject({ allowed: true })
  await start(caller)
  expect(await ask(1)).toMatchObject({ allowed: false, used: 2, remaining: 0, state: 'blocked' })
  await caller.runs.complete({ ...current, runId, outcome: 'cancelled' })
  expect(await ask(1)).toMatchObject({ allowed: true, used: 1 })
})

test('a slot limit that nobody has made yet is made first, never taken for unlimited', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'free' })
  await start(caller)
  const admin = new pg.Client(installation.testDatabase.adminUrl)
  await admin.connect()
  onTestFinished(() => admin.end())
  await admin.query(`delete from tenantry.effective_limits where tenant_id = $1 and meter = 'concurrent_pipelines'`, [
    tenant.id,
  ])
  await expect(start(caller)).rejects.toMatchObject({ details: { meter: 'concurrent_pipelines', limit: 1 } })
})

test("a catalogue of one's own that lacks what runs are held to starts none, and says what is missing", () => {
  const { services } = installation.dependencies
  const { pipeline_runs, concurrent_pipelines } = services.catalogue.meters
  const lacking = [{}, { pipeline_runs }, { pipeline_runs: concurrent_pipelines, concurrent_pipelines }]
  for (const meters of lacking as Record<string, Meter>[]) {
    const named = () => metersOf({ services: { ...services, catalogue: { ...services.catalogue, meters } } })
    expect(named).toThrow(expect.objectContaining({ code: 'usage.unknown_meter' }))
  }
  expect(Object.keys(metersOf({ services }))).toEqual(['counter', 'slots'])
})

test('of many runs that go on only their number is told, past those whose leases have ended', async () => {
  const { tenant, caller } = await enterLimited(installation, { runs: null, slots: null })
  const { id: runId } = await start(caller, { leaseSeconds: 600 })
  const admin = new pg.Client(installation.testDatabase.adminUrl)
  await admin.connect()
  onTestFinished(() => admin.end())
  await admin.query(
    `insert into tenantry.runs (tenant_id, id, workload, lease_seconds, started_at, expires_at, period, day)
     select tenant_id, gen_random_uuid(), workload, 60, started_at, started_at + least(n, 30) * interval '1 second', period, day
       from tenantry.runs, generate_series(1, 1_200) n where id = $1`,
    [runId],
  )
  await admin.query('update tenantry.run_totals set started = started + 1_200 where tenant_id = $1', [tenant.id])
  clock.set('2026-11-21T10:00:20Z')
  const beat = async () => {
    const wanted = { tenantId: tenant.id, id: runId }
    const { metering } = installation.dependencies.services
    let told: object[] = []
    await metering.onAccount(tenant.id, async (given) => {
      const answer = await renewRun(given, wanted)
      if (answer !== 'unready') told = [...answer.counters]
      return answer
    })
    await metering.remembered(tenant.id)
    return told
  }
  expect(await usageOf(caller)).toMatchObject({ slots: { used: 1_181 } })
  const [told] = await beat()
  expect(told).toMatchObject({ meter: 'concurrent_pipelines', used: 1_181 })
  expect(told).not.toHaveProperty('ends')
  expect(await usageOf(caller)).toMatchObject({ slots: { used: 1_181 } })
  await start(caller)
  expect(await usageOf(caller)).toMatchObject({ slots: { used: 1_182 } })
  clock.set('2026-11-21T10:00:30Z')
  expect(await beat()).toMatchObject([{ used: 2, ends: [expect.any(String), expect.any(String)] }])
  expect(await usageOf(caller)).toMatchObject({ slots: { used: 2 } })
})
