import type { Client } from 'pg'
import { productSchema } from './roles.ts'

/** What stands between this process and PostgreSQL. */
export type Pooler = 'none' | 'pgbouncer'

export interface SettingsOptions {
  statementTimeoutMilliseconds: number
  /** `none` unless told. */
  pooler?: Pooler
}

/** What a role may alter for itself, or SQL injected into its session, and what must not reach any transaction. */
const pinned: Record<string, string> = {
  search_path: `${productSchema},pg_catalog`,
  row_security: 'on',
  standard_conforming_strings: 'on',
  lock_timeout: '0',
  // A statement whose client is gone ends, and with it its locks.
  client_connection_check_interval: '1s',
  TimeZone: 'UTC',
  DateStyle: 'ISO',
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
}

/** These count before a transaction begins, and so cannot be set in it. */
const pinnedAtStart: Record<string, string> = {
  default_transaction_read_only: 'off',
  default_transaction_isolation: 'read\\ committed',
  idle_session_timeout: '0',
}

/** Tells whether what a session was started with reached the server. */
const mark = 'tenancy.pinned'
const idleMilliseconds = 60_000

/** The driver above wraps errors, and keeps their code. */
export const poolerErrorCode = 'TENANTRY_POOLER'

/**
 * What a pool's sessions are started with: settings in the startup packet outrank what a role was altered to, and
 * `reset all` returns to them. A pooler shares sessions that it started itself: through it nothing is sent that way.
 */
export function sessionStart({ statementTimeoutMilliseconds, pooler = 'none' }: SettingsOptions) {
  if (pooler !== 'none') return {}
  const settings = { ...pinned, ...pinnedAtStart, [mark]: 'on' }
  return {
    statement_timeout: statementTimeoutMilliseconds,
    idle_in_transaction_session_timeout: idleMilliseconds,
    options: Object.entries(settings)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
    verify: verifyMark,
  }
}

/** What every transaction must be bound to, since no session can be trusted to have been started with it. */
export function transactionSettings({
  statementTimeoutMilliseconds,
  pooler = 'none',
}: SettingsOptions): Record<string, string> {
  if (pooler === 'none') return { search_path: `${productSchema}, pg_catalog` }
  return {
    ...pinned,
    statement_timeout: String(statementTimeoutMilliseconds),
    idle_in_transaction_session_timeout: String(idleMilliseconds),
  }
}

/** Refuses a session behind a pooler that was told to leave out what sessions are started with. */
function verifyMark(client: Client, done: (error?: Error) => void): void {
  const message =
    'A pooler stands before PostgreSQL and keeps from it what sessions are started with. Say so: DATABASE_POOLER=pgbouncer.'
  client
    .query(`select pg_catalog.current_setting('${mark}', true) as mark`)
    .then(({ rows: [row] }) =>
      row?.mark === 'on' ? undefined : Object.assign(new Error(message), { code: poolerErrorCode }),
    )
    .then(done, done)
}
