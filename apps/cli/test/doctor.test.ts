import { openTestInstallation, type TestInstallation } from '@tenantry/control-plane/testing'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { environmentOf, type } from './cli.fixture.ts'

/** One for each check, in a database that is dropped afterwards; of what belongs to a whole server none can be broken here. */
const breaches: [check: string, breach: string, subject: string, message: RegExp][] = [
  ['tables', 'create table tenantry.notes (id uuid)', 'table tenantry.notes', /in no list/],
  ['row_security', 'alter table tenantry.events no force row level security', 'table tenantry.events', /not forced/],
  [
    'policies',
    'alter policy tenant_isolation on tenantry.usage_counters using (true)',
    'table tenantry.usage_counters',
    /tenant_isolation is “/,
  ],
  [
    'keys',
    'create unique index by_key on tenantry.usage_events (received_on, id)',
    'table tenantry.usage_events',
    /by_key does not begin with tenant_id/,
  ],
  [
    'foreign_keys',
    'alter table tenantry.events drop constraint events_tenant_fk',
    'table tenantry.events',
    /events_tenant_fk is missing/,
  ],
  ['grants', 'grant update on tenantry.users to tenantry_app', 'table tenantry.users', /tenantry_app holds update/],
  [
    'functions',
    'create function directory.anything() returns int language sql return 1',
    'function directory.anything()',
    /in no list/,
  ],
  [
    'function_bodies',
    'alter function tenancy.current_tenant() volatile',
    'function tenancy.current_tenant()',
    /not what the migrations made/,
  ],
  [
    'triggers',
    'create rule quietly as on delete to tenantry.users do instead nothing',
    'table tenantry.users',
    /quietly rewrites statements/,
  ],
  ['extensions', 'create extension pg_trgm with schema tenancy', 'extension pg_trgm', /does not use it/],
  ['roles', 'alter schema metering owner to tenantry_owner', 'schema metering', /owner to tenantry_metering/],
  [
    'activity',
    'grant execute on function pg_catalog.pg_stat_get_activity(integer) to public',
    'role tenantry_app',
    /may execute pg_catalog\.pg_stat_get_activity/,
  ],
  [
    'definitions',
    'alter event trigger tenantry_refuse_definition disable',
    'event trigger tenantry_refuse_definition',
    /may define things/,
  ],
  ['record', 'delete from tenancy.declarations', 'table tenancy.declarations', /^Nothing is recorded/],
  ['record_unchanged', 'delete from tenancy.declarations', 'table tenancy.declarations', /^Somebody changed it/],
  ['columns', 'alter table tenantry.users add column nickname text', 'schema tenantry', /drop column "nickname"/],
  [
    'sessions',
    `do $$ begin execute format('alter role tenantry_app in database %I set track_activities = on', current_database()); end $$`,
    'sessions of tenantry_app',
    /show their statements/,
  ],
  [
    'canary',
    'alter policy tenant_isolation on tenantry.tenant_settings using (true) with check (true)',
    'table tenantry.tenant_settings',
    /^Somebody could/,
  ],
  [
    'migrations',
    `update tenancy.migrations set name = 'tomorrow' where name like '%metering'`,
    'migration 20261121000016_metering',
    /has not run/,
  ],
  [
    'signing_keys',
    `insert into tenancy.signing_keys select 'more' || n, sha256('x') from generate_series(1, 2) n`,
    'signing keys',
    /3 are valid/,
  ],
  [
    'connections',
    `do $$ begin execute format('alter database %I connection limit 15', current_database()); end $$`,
    'database',
    /limited to 15 connections, fewer than one pool/,
  ],
]

/** Of a whole server; what is found of them is tested where they are judged. */
const unbroken = ['version', 'replication']

let installation: TestInstallation
let environment: NodeJS.ProcessEnv
let admin: pg.Client

beforeAll(async () => {
  installation = await openTestInstallation()
  environment = environmentOf(installation)
  admin = new pg.Client(installation.testDatabase.adminUrl)
  await admin.connect()
})
afterAll(async () => {
  await admin.end()
  await installation.close()
})

test('a warning is told of and fails nothing', async () => {
  await admin.query(`insert into tenancy.signing_keys select 'more' || n, sha256('x') from generate_series(1, 2) n`)
  const { code, out } = await type('doctor', environment)
  await admin.query(`delete from tenancy.signing_keys where kid like 'more%'`)
  expect(code).toBe(0)
  expect(out).toMatch(/^WARN {2}signing_keys /m)
  expect(out).toMatch(/^ +signing keys: 3 are valid/m)
})

test('every check finds what was broken, and says it to a person and to a program', async () => {
  for (const [, breach] of breaches) await admin.query(breach)
  const [person, program] = [await type('doctor', environment), await type('doctor --json', environment)]
  expect([person.code, program.code]).toEqual([1, 1])

  interface Told {
    name: string
    outcome: string
    findings: { subject: string; message: string }[]
  }
  const report: { outcome: string; checks: Told[] } = JSON.parse(program.out)
  expect(report.outcome).toBe('fail')
  expect(report.checks.map(({ name }) => name).sort()).toEqual([...breaches.map(([name]) => name), ...unbroken].sort())
  for (const [name, , subject, message] of breaches) {
    const check = report.checks.find((one) => one.name === name)
    const finding = check?.findings.find((one) => one.subject.startsWith(subject) && message.test(one.message))
    expect(finding, `${name}: ${JSON.stringify(check)}`).toBeDefined()
    const sign = check?.outcome === 'warning' ? 'WARN' : 'FAIL'
    expect(person.out).toMatch(new RegExp(`^${sign}  ${name} `, 'm'))
    expect(person.out).toContain(`  ${finding?.subject}: ${finding?.message}\n`)
  }
  const failing = report.checks.filter(({ outcome }) => outcome === 'fail').map(({ name }) => name)
  expect(failing).toEqual(expect.arrayContaining(['canary', 'row_security', 'policies', 'roles', 'connections']))
})
