import { installSigningKeys } from '@tenantry/kernel/tenancy/migrate'
import { openDatabase } from '@tenantry/kernel/tenancy/unit-of-work'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { entities } from '../../entities.ts'
import { ownersView } from '../../inspection.ts'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import type { IsolationReport } from './index.ts'
import { sessionsCheck } from './service/sessions.ts'

let installation: TestInstallation
let admin: pg.Client

beforeAll(async () => {
  installation = await openTestInstallation()
  await installation.enter()
  admin = new pg.Client(installation.testDatabase.adminUrl)
  await admin.connect()
})
afterAll(async () => {
  await admin.end()
  await installation.close()
})

const report = () => installation.callerAs(operator).platform.isolation()
const checkNamed = ({ checks }: Pick<IsolationReport, 'checks'>, name: string) =>
  checks.find((check) => check.name === name)

/** What a check finds while the database is broken. */
async function foundAfter(name: string, breach: string, repair: string) {
  await admin.query(breach)
  try {
    return checkNamed(await report(), name)
  } finally {
    await admin.query(repair)
  }
}

test('an installation that is as it was made passes, and says so in a sentence', async () => {
  const answer = await report()
  expect(answer.checks.filter(({ outcome }) => outcome !== 'pass')).toEqual([
    expect.objectContaining({ name: 'record_unchanged', outcome: 'skipped' }),
    expect.objectContaining({ name: 'columns', outcome: 'skipped' }),
  ])
  expect(answer).toMatchObject({ outcome: 'pass', counts: { warning: 0, fail: 0, skipped: 2 } })
  expect(answer.examined.tables).toBeGreaterThan(12)
  const { canaryAttempts, canaryHidden, canaryRefused } = answer.examined
  expect(canaryAttempts).toBeGreaterThan(100)
  // Reads, takings and removals of the two rows that each tenant has, on both connections; insertions in every table.
  expect(canaryHidden).toBeGreaterThan(10)
  expect(canaryRefused).toBeGreaterThan(20)
  expect(checkNamed(answer, 'canary')?.found).toBe(
    `${canaryAttempts} attempts were made, none got through: ${canaryHidden} had a row before them that stayed hidden, ${canaryRefused} were refused by a policy.`,
  )
  const { statement, codeFingerprint, database } = answer.attestation
  expect(codeFingerprint).toMatch(/^[0-9a-f]{64}$/)
  expect(database).toMatchObject({ name: installation.testDatabase.name, id: expect.stringMatching(/^\d+\/\d+$/) })
  expect(statement).toMatch(/canary|across tenants were tried and taken back .*0 failed, 2 not made\.$/)
})

test('the owner sees everything, and believes no record', async () => {
  const owner = await ownersView(installation.testDatabase.urls.tenantry_owner)
  const answer = await installation.dependencies.services.isolation.examine({ type: 'system', name: 'test' }, owner)
  expect(answer.checks.filter(({ outcome }) => outcome !== 'pass')).toEqual([])
  expect(answer.counts.skipped).toBe(0)
})

test('what was tried is gone afterwards, and no secret is told', async () => {
  const traces = async () => {
    const tables = ['tenants', 'tenant_settings', 'audit_entries', 'platform_audit_entries', 'usage_events', 'events']
    const counts = tables.map((table) => `(select count(*)::int from tenantry.${table}) as ${table}`)
    return (await admin.query(`select ${counts.join(', ')}`)).rows
  }
  const before = await traces()
  const told = JSON.stringify(await report())
  expect(await traces()).toEqual(before)
  const { signingKey, urls } = installation.testDatabase
  const secrets = Object.values(urls).map((url) => new URL(url).password)
  for (const secret of [...secrets, signingKey.secret.toString('hex'), signingKey.secret.toString('base64')]) {
    expect(told).not.toContain(secret)
  }
})

const ownTenant = 'tenant_id = (select tenancy.current_tenant())'
const kept = (table: string, policy: string) =>
  `alter policy ${policy} on tenantry.${table} using (${ownTenant}) with check (${ownTenant})`

const ownRow = 'id = (select tenancy.current_tenant())'
const onDatabase = (change: string) =>
  `do $do$ begin execute format($$alter database %I ${change}$$, current_database()); end $do$`
const references = `create trigger keep_references after insert or update of slug, external_id on tenantry.tenants
  for each row execute function tenancy.keep_references()`

test.each([
  [
    'canary',
    'alter policy tenant_isolation on tenantry.tenant_settings using (true) with check (true)',
    kept('tenant_settings', 'tenant_isolation'),
    ['table tenantry.tenant_settings', /^Somebody could insert for another tenant: only “.*” stopped it/],
  ],
  [
    'canary',
    'alter policy platform_tenant on tenantry.tenant_settings using (true)',
    kept('tenant_settings', 'platform_tenant'),
    ['table tenantry.tenant_settings', /^Somebody could read another tenant: it got through/],
  ],
  [
    'canary',
    'alter policy platform_tenant on tenantry.tenant_settings using (false) with check (true)',
    kept('tenant_settings', 'platform_tenant'),
    ['canary', /does not see its own rows on the operators' connection/],
  ],
  [
    'canary',
    'alter policy tenant_isolation on tenantry.tenants using (false) with check (true)',
    `alter policy tenant_isolation on tenantry.tenants using (${ownRow}) with check (${ownRow})`,
    ['canary', /does not see its own rows on the application's connection/],
  ],
  [
    'canary',
    'alter policy tenant_isolation on tenantry.events using (false) with check (true)',
    kept('events', 'tenant_isolation'),
    ['table tenantry.events', /^A tenant could not read or write a row of its own/],
  ],
  [
    'canary',
    'alter table tenantry.tenant_settings disable row level security',
    'alter table tenantry.tenant_settings enable row level security',
    ['table tenantry.tenant_settings', /^Somebody could read without a tenant context/],
  ],
  [
    'canary',
    'alter table tenantry.tenants add column badge int not null default 1; alter table tenantry.tenants alter badge drop default',
    'alter table tenantry.tenants drop column badge',
    ['canary', /^It could not be looked at: null value in column "badge"/],
  ],
  [
    'row_security',
    'alter table tenantry.events no force row level security',
    'alter table tenantry.events force row level security',
    ['table tenantry.events', /not forced/],
  ],
  [
    'policies',
    'alter policy tenant_isolation on tenantry.events using (true)',
    kept('events', 'tenant_isolation'),
    ['table tenantry.events', /tenant_isolation is “for all to tenantry_app using true/],
  ],
  [
    'function_bodies',
    'alter function tenancy.current_tenant() volatile',
    'alter function tenancy.current_tenant() stable',
    ['function tenancy.current_tenant()', /not what the migrations made/],
  ],
  [
    'triggers',
    'drop trigger keep_references on tenantry.tenants',
    references,
    ['table tenantry.tenants', /^The trigger keep_references is missing: CREATE TRIGGER/],
  ],
  [
    'triggers',
    'alter table tenantry.api_keys disable trigger keep_former_digest',
    'alter table tenantry.api_keys enable trigger keep_former_digest',
    ['table tenantry.api_keys', /^The trigger keep_former_digest is switched off/],
  ],
  [
    'triggers',
    `drop trigger keep_references on tenantry.tenants; create trigger keep_references
      after insert or update of slug, external_id on tenantry.tenants for each row when (false) execute function tenancy.keep_references()`,
    `drop trigger keep_references on tenantry.tenants; ${references}`,
    ['table tenantry.tenants', /^The trigger keep_references is “CREATE TRIGGER .* WHEN \(false\)/],
  ],
  [
    'activity',
    onDatabase(`set log_statement = 'all'`),
    onDatabase('reset log_statement'),
    ['setting log_statement', /^This database has log_statement=all, which may write what tenants say into a log/],
  ],
  [
    'activity',
    onDatabase('set work_mem = 65536'),
    onDatabase('reset work_mem'),
    ['setting work_mem', /^This database has work_mem=65536, which no migration sets/],
  ],
  [
    'migrations',
    `update tenancy.migrations set name = 'tomorrow' where name like '%metering'`,
    `update tenancy.migrations set name = '20261121000016_metering' where name = 'tomorrow'`,
    ['migration 20261121000016_metering', /has not run/],
  ],
  [
    'signing_keys',
    `update tenancy.signing_keys set retires_at = now() + interval '1 day'`,
    'update tenancy.signing_keys set retires_at = null',
    ['signing keys', /retire within a week/],
  ],
  [
    'signing_keys',
    `insert into tenancy.signing_keys select 'more' || n, sha256('x') from generate_series(1, 2) n`,
    `delete from tenancy.signing_keys where kid like 'more%'`,
    ['signing keys', /3 are valid/],
  ],
  [
    'signing_keys',
    'alter function tenancy.valid_signing_keys() rename to keys',
    'alter function tenancy.keys() rename to valid_signing_keys',
    ['signing_keys', /could not be looked at: function tenancy.valid_signing_keys\(\) does not exist/],
  ],
  [
    'connections',
    `do $$ begin execute format('alter database %I connection limit 5', current_database()); end $$`,
    `do $$ begin execute format('alter database %I connection limit -1', current_database()); end $$`,
    [expect.stringMatching(/^database test_/), /limited to 5 connections, fewer than one pool/],
  ],
  [
    'record',
    `update tenancy.declarations set fingerprint = 'of/yesterday'`,
    'delete from tenancy.declarations',
    ['table tenancy.declarations', /of another version of the code/],
  ],
] satisfies [string, string, string, [unknown, RegExp]][])(
  'the check %s tells of a breach: %s',
  async (name, breach, repair, [subject, message]) => {
    const { rows: record } = await admin.query('select fingerprint, printed from tenancy.declarations')
    const check = await foundAfter(name, breach, repair)
    expect(check?.findings).toContainEqual(
      expect.objectContaining({ subject, message: expect.stringMatching(message as RegExp) }),
    )
    await admin.query(
      'insert into tenancy.declarations (fingerprint, printed) values ($1, $2) on conflict do nothing',
      [record[0].fingerprint, record[0].printed],
    )
  },
)

test('without a record an operator compares nothing, and the owner tells that one was changed', async () => {
  const { rows } = await admin.query('select fingerprint, printed from tenancy.declarations')
  const insert = 'insert into tenancy.declarations (fingerprint, printed) values ($1, $2)'
  await admin.query('delete from tenancy.declarations')
  const answer = await report()
  expect(checkNamed(answer, 'record')).toMatchObject({ outcome: 'fail' })
  expect(['policies', 'function_bodies'].map((name) => checkNamed(answer, name)?.outcome)).toEqual([
    'skipped',
    'skipped',
  ])

  const { printed } = rows[0]
  await admin.query(insert, [rows[0].fingerprint, { ...printed, functions: {} }])
  const owner = await ownersView(installation.testDatabase.urls.tenantry_owner)
  const seen = await installation.dependencies.services.isolation.examine({ type: 'system', name: 'test' }, owner)
  expect(checkNamed(seen, 'record_unchanged')?.findings).toMatchObject([
    { message: expect.stringMatching(/^Somebody changed it/) },
  ])
  await admin.query('delete from tenancy.declarations')
  await admin.query(insert, [rows[0].fingerprint, printed])
})

test('a process that signs with a key the database does not know is told so', async () => {
  const { signingKey, urls } = installation.testDatabase
  const { dependencies } = installation
  await installSigningKeys(urls.tenantry_owner, [{ kid: 'other', secret: Buffer.alloc(32, 7) }])
  const owner = await ownersView(urls.tenantry_owner)
  const answer = await dependencies.services.isolation.examine({ type: 'system', name: 'test' }, owner)
  await installSigningKeys(urls.tenantry_owner, [signingKey])
  expect(answer.outcome).toBe('fail')
  expect(checkNamed(answer, 'signing_keys')?.findings).toMatchObject([
    { message: expect.stringMatching(/does not accept what this process signs/) },
  ])
})

test('sessions that show their statements are found, whatever set them so', async () => {
  const { name, signingKey, urls } = installation.testDatabase
  await admin.query(`alter role tenantry_app in database ${name} set track_activities = on`)
  const database = await openDatabase({
    appUrl: urls.tenantry_app,
    platformUrl: urls.tenantry_platform,
    entities,
    signingKey,
    poolSize: 2,
    statementTimeoutMilliseconds: 5_000,
  })
  const check = await sessionsCheck(database)
  await database.close()
  await admin.query(`alter role tenantry_app in database ${name} reset all`)
  expect(check.findings).toEqual([
    { subject: 'sessions of tenantry_app', message: expect.stringMatching(/^They show their statements/) },
  ])
})
