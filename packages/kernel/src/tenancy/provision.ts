import pg from 'pg'
import { functionRoles, loginRoles, productSchema, type RolePasswords } from './roles.ts'

/** What PostgreSQL lets everybody call, and one session could use against another. */
export const refusedFunctions = [
  // Read the SQL text of other sessions; end them.
  'pg_stat_get_activity(integer)',
  'pg_stat_get_backend_activity(integer)',
  'pg_cancel_backend(integer)',
  'pg_terminate_backend(integer, bigint)',
  // Keep rows that no policy guards.
  'lo_creat(integer)',
  'lo_create(oid)',
  'lo_from_bytea(oid, bytea)',
  // Hold a lock for longer than the transaction, in a pooled session.
  ...['pg_advisory_lock', 'pg_advisory_lock_shared', 'pg_try_advisory_lock', 'pg_try_advisory_lock_shared'].flatMap(
    (name) => [`${name}(bigint)`, `${name}(integer, integer)`],
  ),
]

export const refusingTrigger = 'tenantry_refuse_definition'

/**
 * The serving roles define nothing. Where no privilege says so it must be refused by hand: `drop owned by` the own role
 * would take it out of every policy, and so shut out all tenants.
 */
export const provisionedFunctionsSql = /* sql */ `
  create or replace function tenancy.refuse_definition() returns event_trigger
  language plpgsql set search_path = pg_catalog, pg_temp as $$
  begin
    if session_user in ('tenantry_app', 'tenantry_platform') then
      raise insufficient_privilege using message = format('permission denied: %s', tg_tag);
    end if;
  end $$;
`

const refuseDefinitionsSql = /* sql */ `
  ${provisionedFunctionsSql}
  drop event trigger if exists ${refusingTrigger};
  create event trigger ${refusingTrigger} on ddl_command_start execute function tenancy.refuse_definition();
`

const attributes = 'nosuperuser nocreatedb nocreaterole noinherit noreplication nobypassrls'

/**
 * Creates the roles of an installation, or sets their passwords and attributes anew. Needs a superuser connection.
 * Roles belong to the whole server, so that installations on one server share them.
 */
export async function provisionRoles(adminUrl: string, passwords: RolePasswords): Promise<void> {
  await withClient(adminUrl, async (client) => {
    const existing = await client.query<{ rolname: string }>('select rolname from pg_catalog.pg_roles')
    const known = new Set(existing.rows.map((row) => row.rolname))
    for (const role of functionRoles) {
      await client.query(`${known.has(role) ? 'alter' : 'create'} role ${role} nologin ${attributes}`)
    }
    for (const role of loginRoles) {
      const password = pg.escapeLiteral(passwords[role])
      await client.query(
        `${known.has(role) ? 'alter' : 'create'} role ${role} login ${attributes} password ${password}`,
      )
      // A role may alter settings of its own, and so may SQL injected into its session.
      await client.query(`alter role ${role} reset all`)
      await client.query(`alter role ${role} set track_activities = off`)
    }
    for (const role of functionRoles) await client.query(`grant ${role} to tenantry_owner`)
  })
}

/**
 * Prepares a database: schemas, their owners, and who may connect. Needs a superuser. Idempotent; a clone of a template
 * needs it again, for a database's grants are not copied.
 */
export async function provisionDatabase(adminUrl: string): Promise<void> {
  await withClient(adminUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>('select current_database() as name')
    const database = pg.escapeIdentifier(rows[0]?.name ?? '')
    await client.query(`
      revoke all on database ${database} from public;
      grant connect on database ${database} to ${loginRoles.join(', ')};
      grant create on database ${database} to tenantry_owner;
      ${loginRoles.map((role) => `alter role ${role} in database ${database} reset all;`).join('\n      ')}
      revoke all on schema public from public;
      create schema if not exists ${productSchema} authorization tenantry_owner;
      create schema if not exists tenancy authorization tenantry_owner;
      create schema if not exists directory authorization tenantry_directory;
      create schema if not exists metering authorization tenantry_metering;
      create schema if not exists hierarchy authorization tenantry_hierarchy;
      create schema if not exists lifecycle authorization tenantry_lifecycle;
      create schema if not exists pgboss authorization tenantry_jobs;
      create extension if not exists pgcrypto with schema tenancy;
      ${refuseDefinitionsSql}
      revoke execute on all functions in schema tenancy from public;
      grant execute on function tenancy.hmac(bytea, bytea, text) to tenantry_owner;
      revoke execute on function ${refusedFunctions.map((name) => `pg_catalog.${name}`).join(', ')} from public;
    `)
  })
}

/** Creates a database, from a template if one is named; false if there is one of that name. Needs a superuser. */
export async function createDatabase(adminUrl: string, name: string, template?: string): Promise<boolean> {
  let created = false
  await withClient(adminUrl, async (client) => {
    const { rowCount } = await client.query('select 1 from pg_catalog.pg_database where datname = $1', [name])
    if (rowCount) return
    // Files are copied as they are; through the write-ahead log it takes twice as long.
    const from = template === undefined ? '' : ` template ${pg.escapeIdentifier(template)} strategy file_copy`
    await client.query(`create database ${pg.escapeIdentifier(name)}${from}`)
    created = true
  })
  return created
}

/** Drops a database with whatever is connected to it. Needs a superuser. */
export async function dropDatabase(adminUrl: string, name: string): Promise<void> {
  await withClient(adminUrl, async (client) => {
    await client.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`)
  })
}

async function withClient(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}
