import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { scheduledJobs } from '../../jobs.ts'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { UsageAlert, UsageEvent } from './entity.ts'
import { itemOf } from './writers.fixture.ts'

let installation: TestInstallation
let jobs: pg.Client
let admin: pg.Client
beforeAll(async () => {
  installation = await openTestInstallation()
  jobs = new pg.Client(installation.testDatabase.urls.tenantry_jobs)
  admin = new pg.Client(installation.testDatabase.adminUrl)
  await Promise.all([jobs.connect(), admin.connect()])
})
afterAll(async () => {
  await Promise.all([jobs.end(), admin.end()])
  await installation.close()
})

const runJob = (name: string) =>
  scheduledJobs(installation.dependencies)
    .find((job) => job.name === name)
    ?.run(async (sql) => (await jobs.query(sql)).rowCount ?? 0)

async function months(): Promise<string[]> {
  const { rows } = await admin.query<{ name: string }>(
    `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'tenantry.usage_events'::regclass order by 1`,
  )
  return rows.map(({ name }) => name.replace('tenantry.usage_events_', ''))
}

const monthOf = (ahead: number) => {
  const now = new Date()
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1))
    .toISOString()
    .slice(0, 7)
    .replace('-', '')
}

test('months are made ahead and dropped after their time, by the role of the jobs, under the security of their table', async () => {
  await jobs.query('select tenancy.open_usage_month($1)', ['2024-02-10'])
  await jobs.query('select tenancy.open_usage_month($1)', [`${monthOf(-12).slice(0, 4)}-${monthOf(-12).slice(4)}-01`])
  await admin.query(`drop table tenantry.usage_events_${monthOf(2)}`)
  expect(await months()).toContain('202402')
  await runJob('usage.months')
  expect(await months()).toEqual([monthOf(-12), monthOf(0), monthOf(1), monthOf(2), 'other'])
  await runJob('usage.months')
  expect(await months()).toHaveLength(5)

  const { rows } = await admin.query(
    `select bool_and(relrowsecurity and relforcerowsecurity) as forced,
            bool_or(has_table_privilege('tenantry_app', oid, 'select')) as readable
       from pg_class where relname ~ '^usage_events_([0-9]{6}|other)$'`,
  )
  expect(rows).toEqual([{ forced: true, readable: false }])
})

test('what comes in a month that nobody made is counted all the same', async () => {
  const { id: tenantId } = await installation.createTenant()
  await admin.query(`drop table tenantry.usage_events_${monthOf(0)}`)
  const { metering } = installation.dependencies.services
  expect(await metering.write(itemOf({ tenantId, amount: 3, key: 'a' }))).toMatchObject({ outcome: 'counted', used: 3 })
  expect(await metering.write(itemOf({ tenantId, amount: 3, key: 'a' }))).toMatchObject({ outcome: 'duplicate' })
  const events = await installation.database.platformUnit({ actor: operator, readOnly: true }, (em) =>
    em.count(UsageEvent, { tenantId }),
  )
  expect(events).toBe(1)
})

test('a month is opened late with what came before it, and what nobody opened is dropped after its time', async () => {
  await runJob('usage.months')
  const { id: tenantId } = await installation.createTenant()
  await admin.query(`drop table tenantry.usage_events_${monthOf(0)}`)
  const { metering } = installation.dependencies.services
  await metering.write(itemOf({ tenantId, amount: 3, key: 'a' }))
  const add = (receivedOn: string) =>
    admin.query(
      `insert into tenantry.usage_events (tenant_id, id, received_on, meter, period, amount, occurred_at, received_at)
       values ($1, gen_random_uuid(), $2, 'tokens', '2025-01-01', 1, now(), now())`,
      [tenantId, receivedOn],
    )
  await add('2025-01-07')
  await add(`${monthOf(4).slice(0, 4)}-${monthOf(4).slice(4)}-01`)
  await runJob('usage.months')
  expect(await months()).toEqual(expect.arrayContaining([monthOf(0), monthOf(1), monthOf(2)]))
  const { rows } = await admin.query(
    `select tableoid::regclass::text as "table", count(*)::int from tenantry.usage_events where tenant_id = $1 group by 1 order by 1`,
    [tenantId],
  )
  expect(rows).toEqual([
    { table: `tenantry.usage_events_${monthOf(0)}`, count: 1 },
    { table: 'tenantry.usage_events_other', count: 1 },
  ])
  expect(await metering.write(itemOf({ tenantId, amount: 3, key: 'a' }))).toMatchObject({ outcome: 'duplicate' })
})

test('a month that cannot be opened keeps neither the next from it nor the old from being dropped', async () => {
  await jobs.query('select tenancy.open_usage_month($1)', ['2024-02-10'])
  await admin.query(`drop table tenantry.usage_events_${monthOf(1)}, tenantry.usage_events_${monthOf(2)}`)
  const day = (number: string) => `${monthOf(1).slice(0, 4)}-${monthOf(1).slice(4)}-${number}`
  await admin.query(
    `create table tenantry.in_the_way partition of tenantry.usage_events for values from ('${day('10')}') to ('${day('11')}')`,
  )
  await expect(runJob('usage.months')).rejects.toThrow('months of usage could not be opened or closed')
  await admin.query('drop table tenantry.in_the_way')
  expect(await months()).toEqual(expect.arrayContaining([monthOf(2)]))
  expect(await months()).not.toContain('202402')
})

test('an alert that a killed process left is told by a job, once', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'free' })
  await installation.dependencies.services.metering.write(itemOf({ tenantId: tenant.id, amount: 85_000 }))
  await installation.dependencies.services.metering.told(tenant.id)
  // As it would stand had that process been killed between its commit and its word.
  await admin.query(
    `update tenantry.usage_alerts set announced_at = null, raised_at = raised_at - interval '5 minutes' where tenant_id = $1`,
    [tenant.id],
  )
  const told = async () => (await caller.events.list({ tenantId: 'current' })).items.length
  expect(await told()).toBe(1)
  expect(await runJob('usage.alerts')).toEqual({ tenants: 1 })
  expect(await runJob('usage.alerts')).toEqual({ tenants: 0 })
  expect(await told()).toBe(2)
  const left = await installation.database.platformUnit({ actor: operator, readOnly: true }, (em) =>
    em.count(UsageAlert, { announcedAt: null }),
  )
  expect(left).toBe(0)
})
