import pg from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { Run } from '../metering/index.ts'
import { createTestClock, usageRows } from '../usage/service.fixture.ts'
import { type Runner, type RunnerOrder, startRunner } from './runners.fixture.ts'
import { current, enterLimited, start } from './service.fixture.ts'

const processes = 6
const clock = createTestClock(new Date().toISOString())

let installation: TestInstallation
let runners: Runner[]
let admin: pg.Client
beforeAll(async () => {
  installation = await openTestInstallation({ clock })
  runners = await Promise.all(Array.from({ length: processes }, () => startRunner(installation.testDatabase)))
  admin = new pg.Client(installation.testDatabase.adminUrl)
  await admin.connect()
  await admin.query(witness)
})
afterAll(async () => {
  await Promise.all(runners.map((runner) => runner.close()))
  await admin.end()
  await installation.close()
})

/** Writes down, inside of each transaction that changes what is held, how many leases were live at the latest time known. */
const witness = `
  create schema witness;
  create table witness.held (tenant_id uuid not null, live bigint not null);
  create function witness.look() returns trigger language plpgsql security definer as $$
  begin
    insert into witness.held select new.tenant_id, count(*) from tenantry.runs r
     where r.tenant_id = new.tenant_id and r.state = 'running' and r.expires_at > new.decided_at;
    return null;
  end $$;
  create trigger look after update on tenantry.run_totals for each row execute function witness.look();
  grant usage on schema witness to public;`

async function heldOf(tenantId: string): Promise<number[]> {
  const { rows } = await admin.query('select live::int from witness.held where tenant_id = $1', [tenantId])
  return rows.map(({ live }) => live as number)
}

const runsOf = (tenantId: string) =>
  installation.database.platformUnit({ actor: operator, readOnly: true }, (em) => em.find(Run, { tenantId }))

const order = (given: Partial<RunnerOrder> & { tenantId: string }): RunnerOrder => ({
  attempts: 12,
  leaseSeconds: 600,
  heartbeats: 1,
  outcome: 'succeeded',
  clockSpreadMilliseconds: 0,
  ...given,
})

const tally = (outcomes: string[]) =>
  Object.fromEntries([...new Set(outcomes)].map((one) => [one, outcomes.filter((other) => other === one).length]))

test('six processes race for one slot: it has one holder at any time, and whoever is refused has taken nothing', async () => {
  const { tenant } = await enterLimited(installation, { slots: 1, runs: 1_000 })
  const tenantId = tenant.id
  const ends = ['succeeded', 'failed', 'not_started'] as const
  const outcomes = await Promise.all(
    runners.map((runner, place) => runner.run(order({ tenantId, outcome: ends[place % 3] ?? null }))),
  )
  const { succeeded = 0, failed = 0, not_started = 0, concurrent_pipelines = 0, ...others } = tally(outcomes.flat())
  expect(others).toEqual({})
  expect(succeeded + failed + not_started + concurrent_pipelines).toBe(processes * 2 * 12)
  // Somebody was in somebody's way, or nothing was shown.
  expect(concurrent_pipelines).toBeGreaterThan(0)

  expect(new Set(await heldOf(tenantId))).toEqual(new Set([0, 1]))
  const runs = await runsOf(tenantId)
  expect(runs).toHaveLength(succeeded + failed + not_started)
  const { counters, events } = await usageRows(installation, tenantId)
  expect(events.map(({ amount }) => amount).toSorted()).toEqual(
    [...runs.map(() => 1), ...Array.from({ length: not_started }, () => -1)].toSorted(),
  )
  expect(counters).toMatchObject([{ used: succeeded + failed }])
})

test('six processes race for the last runs of the month: as many start as are left, and hold as many slots', async () => {
  const { tenant } = await enterLimited(installation, { slots: null, runs: 17 })
  const tenantId = tenant.id
  const outcomes = await Promise.all(
    runners.map((runner) => runner.run(order({ tenantId, attempts: 4, outcome: null }))),
  )
  expect(tally(outcomes.flat())).toEqual({ held: 17, pipeline_runs: processes * 2 * 4 - 17 })
  expect(await runsOf(tenantId)).toHaveLength(17)
  expect((await usageRows(installation, tenantId)).counters).toMatchObject([{ used: 17 }])
  expect(Math.max(...(await heldOf(tenantId)))).toBe(17)
})

test('leases that end all the while, told by clocks that disagree, are never more than the limit', async () => {
  const { tenant } = await enterLimited(installation, { slots: 2, runs: null })
  const tenantId = tenant.id
  const restless = order({ tenantId, leaseSeconds: 1, heartbeats: 3, outcome: null, clockSpreadMilliseconds: 3_000 })
  const outcomes = await Promise.all(runners.map((runner) => runner.run(restless)))
  const { held = 0, concurrent_pipelines = 0, ...others } = tally(outcomes.flat())
  expect(others).toEqual({})
  expect(held).toBeGreaterThan(2)
  expect(concurrent_pipelines).toBeGreaterThan(0)
  expect(Math.max(...(await heldOf(tenantId)))).toBe(2)
  expect((await usageRows(installation, tenantId)).counters).toMatchObject([{ used: held }])
})

test('the slot of a holder that was killed is refused until its lease ends, and is free from then on', async () => {
  const { tenant, caller } = await enterLimited(installation, { slots: 1 })
  const doomed = await startRunner(installation.testDatabase)
  onTestFinished(() => doomed.close())
  const seen = doomed.started()
  void doomed.run(order({ tenantId: tenant.id, leaseSeconds: 30, heartbeats: 1_000_000 })).catch(() => undefined)
  const lost = await seen
  await doomed.kill()

  clock.set(new Date().toISOString())
  const { leaseExpiresAt } = await caller.runs.get({ ...current, runId: lost })
  await expect(start(caller)).rejects.toMatchObject({
    code: 'usage.limit_exceeded',
    details: { meter: 'concurrent_pipelines', used: 1, resetsAt: leaseExpiresAt },
  })
  clock.set(leaseExpiresAt ?? '')
  expect(await start(caller)).toMatchObject({ state: 'running' })
  expect(await caller.runs.get({ ...current, runId: lost })).toMatchObject({ state: 'lost', endedAt: leaseExpiresAt })
})
