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

test('no role can be taken, changed or made', async ({ annotate }) => {
  const others = await names(`select quote_ident(rolname) from pg_roles where rolname <> 'tenantry_app'`)
  expect(others).toContain('tenantry_owner')
  const attributes = [
    'superuser',
    'bypassrls',
    'createrole',
    'createdb',
    'replication',
    'inherit',
    "valid until 'infinity'",
    'connection limit 1000',
  ]
  await expectNoneThrough(
    campaign,
    [
      ...others.flatMap((role) => [
        refused(`set role ${role}`),
        refused(`set local role ${role}`),
        refused(`select set_config('role', '${role.replaceAll('"', '')}', true)`),
        refused(`set session authorization ${role}`),
        impossible('0A000', `grant ${role} to tenantry_app`),
      ]),
      ...others
        .filter((role) => role.startsWith('tenantry_'))
        .flatMap((role) => [
          refused(`alter role ${role} superuser`),
          refused(`alter role ${role} password 'stolen'`),
          refused(`alter role ${role} set row_security = off`),
          refused(`drop owned by ${role}`),
          refused(`reassign owned by ${role} to tenantry_app`),
          refused(`alter default privileges for role ${role} grant all on tables to tenantry_app`),
        ]),
      ...attributes.map((attribute) => refused(`alter role tenantry_app ${attribute}`)),
      nothing('reset role', 'select current_user', 'select id, slug, name from tenantry.tenants'),
      nothing('set role none', 'select id, slug, name from tenantry.tenants'),
      nothing('reset session authorization', 'select id, slug, name from tenantry.tenants'),
      nothing('set session authorization default', 'select id, slug, name from tenantry.tenants'),
      refused('create role stolen'),
      refused('create user stolen superuser'),
      impossible('0A000', 'alter role tenantry_app rename to stolen'),
      refused('drop role tenantry_app'),
      refused('alter role all set row_security = off'),
      // Of the own role it needs no privilege, and would take the role out of every policy.
      refused('drop owned by tenantry_app'),
      refused('drop owned by current_user cascade'),
      refused('reassign owned by tenantry_app to tenantry_owner'),
      refused('grant select on tenantry.tenants to public'),
      refused('revoke select on tenantry.tenants from tenantry_app'),
      refused('grant execute on function tenancy.verify_context(text, text) to tenantry_app'),
      refused('grant usage on schema pgboss to tenantry_app'),
      refused('grant all on tenancy.signing_keys to tenantry_app'),
    ],
    annotate,
  )
}, 60_000)

test('the serving roles define nothing, whatever their privileges', async () => {
  await campaign.admin.query('grant create on schema tenantry to tenantry_app, tenantry_platform')
  for (const role of ['tenantry_app', 'tenantry_platform'] as const) {
    const client = await campaign.connect(role)
    for (const statement of [
      'create table tenantry.stolen (id uuid)',
      'drop owned by current_user',
      'grant create on schema tenantry to public',
    ]) {
      await expect(client.query(statement), statement).rejects.toMatchObject({ code: '42501' })
    }
  }
  await campaign.admin.query('revoke create on schema tenantry from tenantry_app, tenantry_platform')
})

test('nothing can be created, so that nothing can shadow what the definer functions call', async ({ annotate }) => {
  await campaign.withoutDefinitionGuard()
  const schemas = await names(`select quote_ident(nspname) from pg_namespace where nspname !~ '^pg_(toast|temp)'`)
  expect(schemas).toEqual(expect.arrayContaining(['public', 'tenantry', 'tenancy', 'directory', 'metering', 'pgboss']))
  const objects = (schema: string) => [
    `create table ${schema}.tenants (id uuid)`,
    `create table ${schema}.stolen as select 1`,
    `create view ${schema}.tenants as select 1`,
    `create materialized view ${schema}.stolen as select 1`,
    `create sequence ${schema}.stolen`,
    `create type ${schema}.stolen as enum ('a')`,
    `create domain ${schema}.stolen as text`,
    `create function ${schema}.current_tenant() returns uuid language sql as 'select null::uuid'`,
    `create function ${schema}.stolen() returns int language sql security definer as 'select 1'`,
    `create procedure ${schema}.stolen() language sql as ''`,
    `create aggregate ${schema}.stolen (text) (sfunc = textcat, stype = text)`,
    `create operator ${schema}.= (leftarg = uuid, rightarg = uuid, function = uuid_eq)`,
    `create collation ${schema}.stolen from "C"`,
    `alter schema ${schema} owner to tenantry_app`,
    `drop schema ${schema} cascade`,
  ]
  await expectNoneThrough(
    campaign,
    [
      // The database's temporary schema: a table there would come before the real one.
      refused('create temporary table tenants (id uuid)'),
      refused('create temporary view tenants as select 1'),
      refused('create temporary sequence stolen'),
      refused('select 1 as id into temporary tenants'),
      refused('create table pg_temp.tenants (id uuid)'),
      refused(`create function pg_temp.stolen() returns int language sql as 'select 1'`),
      ...schemas.flatMap(objects).map((statement) => refused(statement)),
      refused('create schema stolen'),
      refused('create schema stolen authorization current_user'),
      refused('alter database postgres set row_security = off'),
      ...['dblink', 'postgres_fdw', 'file_fdw', 'hstore', 'citext', 'plperlu', 'lo'].map((name) =>
        // Not installed on every server, which is just as well.
        impossible('0A000', `create extension "${name}" with schema public`),
      ),
      refused('drop extension pgcrypto cascade'),
      refused('create language stolen handler plpgsql_call_handler'),
      refused('create foreign data wrapper stolen'),
      refused('create event trigger stolen on ddl_command_start execute function stolen()'),
      refused('create publication stolen for all tables'),
      refused(`create subscription stolen connection 'host=127.0.0.1' publication stolen with (connect = false)`),
      refused('create cast (text as uuid) without function'),
      refused('create access method stolen type index handler bthandler'),
    ],
    annotate,
  )
}, 120_000)

test('what runs outside of transactions is refused as well', async () => {
  const client = await campaign.connect()
  for (const statement of [
    'create database stolen',
    `create tablespace stolen location '/tmp'`,
    'alter system set row_security = off',
    'drop database postgres',
    'alter database postgres set tablespace pg_default',
    'reindex system',
  ]) {
    await expect(client.query(statement), statement).rejects.toMatchObject({ code: '42501' })
  }
})
