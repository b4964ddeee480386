import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../src/testing.ts'
import { type Campaign, openCampaign } from './isolation-attacker.fixture.ts'
import { expectNoneThrough, impossible, nothing, refused } from './isolation-campaign.fixture.ts'

let installation: TestInstallation
let campaign: Campaign

beforeAll(async () => {
  installation = await openTestInstallation()
  campaign = await openCampaign(installation)
})

afterAll(async () => {
  await campaign[Symbol.asyncDispose]()
  await installation.close()
})

async function names(sql: string): Promise<string[]> {
  const { rows } = await campaign.admin.query({ text: sql, rowMode: 'array' })
  return rows.map(([name]) => name)
}

test('the server, its files, its other sessions and its settings are out of reach', async ({ annotate }) => {
  const { rows } = await campaign.admin.query('select pg_backend_pid() as pid')
  const pid = rows[0].pid
  await expectNoneThrough(
    campaign,
    [
      refused('select * from pg_stat_activity'),
      refused('select query from pg_stat_get_activity(null)'),
      refused('select pg_stat_get_backend_activity(1)'),
      refused('select * from pg_stat_replication'),
      refused('select * from pg_stat_ssl'),
      refused(`select pg_terminate_backend(${pid})`),
      refused(`select pg_cancel_backend(${pid})`),
      refused('select pg_reload_conf()'),
      refused('select pg_rotate_logfile()'),
      refused('select pg_switch_wal()'),
      refused('select pg_stat_reset()'),
      refused('select pg_log_backend_memory_contexts(pg_backend_pid())'),
      refused(`select pg_create_physical_replication_slot('stolen')`),
      refused(`select pg_create_logical_replication_slot('stolen', 'pgoutput')`),
      refused(`select pg_read_file('/etc/passwd')`),
      refused(`select pg_read_binary_file('PG_VERSION')`),
      refused(`select pg_ls_dir('.')`),
      refused('select pg_ls_logdir()'),
      refused(`select pg_stat_file('PG_VERSION')`),
      refused(`copy (select 1) to program 'cat'`),
      refused(`copy (select 1) to '/tmp/stolen'`),
      refused(`load 'auto_explain'`),
      refused('set track_activities = on'),
      refused('set session_replication_role = replica'),
      refused(`set log_statement = 'all'`),
      refused('set log_min_messages = debug5'),
      refused('set allow_system_table_mods = on'),
      refused(`set session_preload_libraries = 'x'`),
      nothing('set row_security = off', 'select id, slug, name from tenantry.tenants'),
      refused('select lo_create(0)'),
      refused('select lo_creat(-1)'),
      refused(`select lo_from_bytea(0, 'stolen')`),
      refused(`select lo_import('/etc/passwd')`),
      refused(`select lo_export(1, '/tmp/stolen')`),
      refused('select * from pg_largeobject'),
      refused('select pg_advisory_lock(1)'),
      refused('select pg_try_advisory_lock(1, 1)'),
      refused('select pg_advisory_lock_shared(1)'),
      impossible('42883', `select * from dblink('dbname=postgres', 'select 1') as t (a int)`),
      impossible('42P01', 'select * from pg_stat_statements'),
      refused('select * from pg_authid'),
      refused('select * from pg_shadow'),
      refused('select * from pg_hba_file_rules'),
      refused('select * from pg_file_settings'),
      refused('select * from pg_statistic'),
      refused('select * from pg_user_mapping'),
      refused('select subconninfo from pg_subscription'),
      nothing(`select * from pg_stats where schemaname = 'tenantry'`),
      nothing('select * from pg_prepared_statements'),
      nothing('select * from pg_cursors'),
      nothing(`select query_to_xml('select id, slug, name from tenantry.tenants', true, false, '')`),
      refused('update pg_class set relrowsecurity = false'),
      refused('delete from pg_policy'),
      refused(`update pg_authid set rolbypassrls = true where rolname = 'tenantry_app'`),
      refused('insert into pg_auth_members (roleid, member, grantor) values (10, 10, 10)'),
      refused(`update pg_settings set setting = 'on' where name = 'track_activities'`),
      refused('checkpoint'),
    ],
    annotate,
  )
}, 60_000)

test('platform tables, keys and the job queue give nothing away', async ({ annotate }) => {
  const closed = await names(`
    select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('tenancy', 'pgboss', 'directory', 'metering') and c.relkind in ('r', 'p', 'v', 'm') order by 1`)
  expect(closed).toEqual(expect.arrayContaining(['tenancy.signing_keys', 'tenancy.migrations', 'pgboss.job']))
  const { attacker, victim } = campaign
  await expectNoneThrough(
    campaign,
    [
      ...closed.flatMap((name) => [
        refused(`select * from ${name}`),
        refused(`insert into ${name} default values`),
        refused(`delete from ${name}`),
        refused(`truncate ${name}`),
        refused(`copy ${name} to stdout`),
      ]),
      refused('update tenancy.signing_keys set retires_at = null'),
      refused(`insert into tenancy.signing_keys (kid, secret) values ('stolen', decode(repeat('00', 32), 'hex'))`),
      refused('select pgboss.create_queue(null, null)'),
      nothing('select * from tenantry.users'),
      refused(
        `insert into tenantry.users (id, issuer, subject, email, created_at) values (gen_random_uuid(), 'a', 'b', 'c', now())`,
      ),
      refused(`update tenantry.users set email = 'stolen'`),
      refused('delete from tenantry.users'),
      refused('select * from tenantry.platform_audit_entries'),
      refused(`update tenantry.tenants set plan = 'enterprise' where id = '${attacker.id}'`),
      refused(`update tenantry.tenants set status = 'active' where id = '${attacker.id}'`),
      refused(`update tenantry.tenants set slug = 'stolen' where id = '${attacker.id}'`),
      refused(`update tenantry.tenants set parent_id = '${victim.id}' where id = '${attacker.id}'`),
      refused(`update tenantry.tenants set path = array['${victim.id}'::uuid] where id = '${attacker.id}'`),
      refused(`update tenantry.tenants set id = '${victim.id}' where id = '${attacker.id}'`),
      refused(
        `insert into tenantry.tenants (id, slug, name, contact_email, created_at, updated_at) values (gen_random_uuid(), 'a', 'b', 'c', now(), now())`,
      ),
      refused('delete from tenantry.tenants'),
      refused(
        `insert into tenantry.memberships (tenant_id, id, user_id, role, joined_at) values ('${victim.id}', gen_random_uuid(), '${attacker.user.id}', 'owner', now())`,
      ),
      refused('update tenantry.usage_counters set used = 0'),
      refused('delete from tenantry.usage_events'),
      refused(
        `insert into tenantry.usage_daily (tenant_id, meter, day, used, events) values ('${attacker.id}', 'tokens', current_date, 1, 1)`,
      ),
      refused(`update tenantry.audit_entries set action = 'stolen'`),
      refused('delete from tenantry.audit_entries'),
      refused('truncate tenantry.audit_entries'),
      refused(`update tenantry.settings_revisions set document = '{}'`),
      refused('delete from tenantry.settings_revisions'),
      refused('delete from tenantry.idempotency_records'),
      refused('alter sequence if exists pgboss.stolen restart'),
    ],
    annotate,
  )
}, 60_000)

test('what two tenants may not share tells nothing but that it is taken', async () => {
  const { admin, attacker, victim, sign } = campaign
  await admin.query(`update tenantry.tenants set external_id = 'taken' where id = $1`, [victim.id])
  const client = await campaign.connect()
  await client.query('begin')
  await client.query(`select set_config('tenancy.tenant_context', $1, true)`, [sign('tenant', attacker.id)])
  const error = await client.query(`update tenantry.tenants set external_id = 'taken'`).catch((caught) => caught)
  expect(error).toMatchObject({ code: '23505', detail: undefined })
  await client.query('rollback')
})
