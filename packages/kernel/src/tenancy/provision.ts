import pg from 'pg'
import { functionRoles, loginRoles, productSchema, type RolePasswords } from './roles.ts'

/** Functions through which one session could read the SQL text of another. */
const activityFunctions = ['pg_stat_get_activity(integer)', 'pg_stat_get_backend_activity(integer)']

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
      revoke all on schema public from public;
      create schema if not exists ${productSchema} authorization tenantry_owner;
      create schema if not exists tenancy authorization tenantry_owner;
      create schema if not exists directory authorization tenantry_directory;
      create schema if not exists metering authorization tenantry_metering;
      create schema if not exists pgboss authorization tenantry_jobs;
      revoke execute on function ${activityFunctions.map((name) => `pg_catalog.${name}`).join(', ')} from public;
    `)
  })
}

/** Creates a database, from a template if one is named; false if there is one of that name. Needs a superuser. */
export async function createDatabase(adminUrl: string, name: string, template?: string): Promise<boolean> {
  let created = false
  await withClient(adminUrl, async (client) => {
    const { rowCount } = await client.query('select 1 from pg_catalog.pg_database where datname = $1', [name])
    if (rowCount) return
    const from = template === undefined ? '' : ` template ${pg.escapeIdentifier(template)}`
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
