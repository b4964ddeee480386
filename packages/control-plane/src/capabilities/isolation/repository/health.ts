import type { Rehearsal } from '@tenantry/kernel/context/dependencies'
import type { RecordedDeclarations } from '@tenantry/kernel/tenancy/declarations'

export interface Server {
  /** Identifier of the server, and of the database in it. */
  id: string
  name: string
  version: string
  major: number
  connections: number
  connectionLimit: number
  inRecovery: boolean
}

export async function readServer({ query }: Rehearsal): Promise<Server> {
  const [server] = await query<Server>(serverSql)
  if (!server) throw new Error('PostgreSQL says nothing of itself')
  return server
}

const serverSql = /* sql */ `
select format('%s/%s', c.system_identifier, d.oid) as id, d.datname::text as name,
       split_part(current_setting('server_version'), ' ', 1) as version,
       current_setting('server_version_num')::int / 10000 as major,
       (select sum(pg_stat_get_db_numbackends(each.oid))::int from pg_database each) as connections,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as "connectionLimit",
       pg_is_in_recovery() as "inRecovery"
  from pg_control_system() c, pg_database d
 where d.datname = current_database()`

export interface Bound {
  /** `role tenantry_app`, `database tenantry`. */
  subject: string
  limit: number
}

/** Limits of connections that were set on the serving roles or on the database. */
export const listConnectionLimits = ({ query }: Rehearsal): Promise<Bound[]> =>
  query(
    `select format('role %s', rolname) as subject, rolconnlimit as "limit" from pg_roles
      where rolname in ('tenantry_app', 'tenantry_platform') and rolconnlimit >= 0
     union all
     select format('database %s', datname), datconnlimit from pg_database
      where datname = current_database() and datconnlimit >= 0`,
  )

export interface Slot {
  name: string
  active: boolean
  status: string | null
}

/** What standbys and subscribers hold on to. */
export const listReplicationSlots = ({ query }: Rehearsal): Promise<Slot[]> =>
  query(
    'select slot_name::text as name, active, wal_status as status from pg_replication_slots where not temporary order by 1',
  )

export interface ValidKey {
  kid: string
  /** Within a week. */
  retiresSoon: boolean
  /** This process signs with it. */
  signs: boolean
}

export const listValidKeys = ({ query }: Rehearsal): Promise<ValidKey[]> =>
  query(
    `select kid, coalesce(retires_at < now() + interval '7 days', false) as "retiresSoon", signs from tenancy.valid_signing_keys() order by created_at`,
  )

/** Null where nothing was recorded, or the operator's context is not accepted. */
export async function findRecordedDeclarations({ query }: Rehearsal): Promise<RecordedDeclarations | null> {
  const [record] = await query<RecordedDeclarations>('select fingerprint, printed from tenancy.recorded_declarations()')
  return record ?? null
}

export async function listAppliedMigrations({ query }: Rehearsal): Promise<string[]> {
  const rows = await query<{ name: string }>('select tenancy.applied_migrations() as name')
  return rows.map(({ name }) => name)
}

export interface SessionState {
  user: string
  trackActivities: string
  rowSecurity: string
  standardStrings: string
}

export async function readSession({ query }: Rehearsal): Promise<SessionState | undefined> {
  const [state] = await query<SessionState>(
    `select session_user::text as "user", current_setting('track_activities') as "trackActivities",
            current_setting('row_security') as "rowSecurity",
            current_setting('standard_conforming_strings') as "standardStrings"`,
  )
  return state
}

export interface Counted {
  tables: number
  policies: number
  foreignKeys: number
  functions: number
}

/** How much there is in the schemas of this product, and in whatever others there are. */
export async function countExamined({ query }: Rehearsal): Promise<Counted> {
  const [counted] = await query<Counted>(countSql)
  return counted ?? { tables: 0, policies: 0, foreignKeys: 0, functions: 0 }
}

const countSql = /* sql */ `
with ours as (select oid from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema')
select (select count(*)::int from pg_class where relnamespace in (table ours) and relkind in ('r', 'p')) as tables,
       (select count(*)::int from pg_policy p join pg_class c on c.oid = p.polrelid where c.relnamespace in (table ours)) as policies,
       (select count(*)::int from pg_constraint where connamespace in (table ours) and contype = 'f') as "foreignKeys",
       (select count(*)::int from pg_proc where pronamespace in (table ours)) as functions`
