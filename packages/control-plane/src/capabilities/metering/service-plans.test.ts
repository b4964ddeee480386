import { newId } from '@tenantry/kernel/tenancy/id'
import pg from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { beginRun } from '../run/service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

/** One session, in which what the functions are asked needs no signature, and all is undone. */
async function openUnsigned(): Promise<pg.Client> {
  const admin = new pg.Client(installation.testDatabase.adminUrl)
  await admin.connect()
  onTestFinished(() => admin.end())
  await admin.query('begin')
  await admin.query(
    'create or replace function tenancy.require_signed(signature text, content text) returns void language sql begin atomic select; end',
  )
  return admin
}

async function rowsRead(admin: pg.Client, table: string, work: () => Promise<unknown>): Promise<number> {
  const read = async () => {
    const { rows } = await admin.query(
      'select (seq_tup_read + coalesce(idx_tup_fetch, 0))::int as read from pg_stat_xact_user_tables where relname = $1',
      [table],
    )
    return rows[0].read as number
  }
  const before = await read()
  await work()
  return (await read()) - before
}

const at = '2026-11-21T10:00:00Z'

test('a run is found by its key among thousands, by a plan that was made while there were none', async () => {
  const { id: tenantId } = await installation.createTenant({ plan: 'enterprise' })
  await beginRun(installation, { tenantId, id: newId(), workload: 'nightly' })
  const admin = await openUnsigned()
  await admin.query('delete from tenantry.runs')
  await admin.query('analyze tenantry.runs')
  const begin = async (key: string) => {
    const meters = ['pipeline_runs', 'concurrent_pipelines', '2026-11-01', '2026-11-01', '2026-11-21']
    const { rows } = await admin.query(
      `select metering.start_run('', true, $1, '1', $2, $3, $4, 'nightly', '', '60', $5, $6, $7, $8, $9) as answer`,
      [at, tenantId, newId(), key, ...meters],
    )
    return rows[0].answer.outcome as string
  }
  for (let count = 0; count < 10; count++) expect(await begin(`first-${count}`)).toBe('started')
  await admin.query(
    `insert into tenantry.runs (tenant_id, id, idempotency_key, workload, state, lease_seconds, started_at, expires_at, ended_at, period, day)
     select $1, gen_random_uuid(), 'old-' || n, 'nightly', 'succeeded', 60, $2, $2, $2, '2026-11-01', '2026-11-21' from generate_series(1, 3_000) n`,
    [tenantId, at],
  )
  expect(await rowsRead(admin, 'runs', () => begin('old-7'))).toBeLessThan(10)
  expect(await rowsRead(admin, 'runs', () => begin('another'))).toBeLessThan(50)
})

test('a reservation is found by its key among thousands, by a plan that was made while there were none', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'enterprise' })
  await caller.usage.track({ tenantId: 'current', metric: 'tokens', amount: 1 })
  await caller.usage.reserve({ tenantId: 'current', metric: 'tokens', amount: 1 })
  const admin = await openUnsigned()
  await admin.query('delete from tenantry.usage_reservations')
  await admin.query('analyze tenantry.usage_reservations')
  const reserve = async (key: string) => {
    const periods = ['2026-11-01', '2026-11-01', '2026-12-01T00:00:00Z', '2026-11-21', '1', '2026-11-21T10:01:00Z', '']
    const { rows } = await admin.query(
      `select outcome from metering.reserve('', true, $1, 1, 1000, $2, $3, $4, 'tokens', $5, $6, $7, $8, $9, $10, $11)`,
      [at, tenant.id, newId(), key, ...periods],
    )
    return rows[0].outcome as number
  }
  for (let count = 0; count < 10; count++) expect(await reserve(`first-${count}`)).toBe(1)
  await admin.query(
    `insert into tenantry.usage_reservations (tenant_id, id, idempotency_key, meter, period, span, day, amount, state, committed, reserved_at, expires_at)
     select $1, gen_random_uuid(), 'old-' || n, 'tokens', '2026-11-01', '2026-11-01', '2026-11-21', 1, 'committed', 1, $2, $2
       from generate_series(1, 3_000) n`,
    [tenant.id, at],
  )
  expect(await rowsRead(admin, 'usage_reservations', () => reserve('old-7'))).toBeLessThan(50)
  expect(await rowsRead(admin, 'usage_reservations', () => reserve('another'))).toBeLessThan(50)
})
