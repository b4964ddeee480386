import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePort, untilListening } from '@tenantry/kernel/testing/port'
import pg from 'pg'
import type { TestDatabase } from '../src/testing-database.ts'

/** A PgBouncer of a test's own, before one PostgreSQL. */
export interface PgBouncer {
  /** The same URL, through it. */
  through(url: string): string
  stop(): Promise<void>
}

/** PgBouncer does not run as root. */
const nobody = 65_534

const documented = {
  pool_mode: 'transaction',
  auth_type: 'scram-sha-256',
  max_client_conn: '1000',
  default_pool_size: '4',
  server_reset_query: 'DISCARD ALL',
  server_reset_query_always: '1',
}

/** Starts `program` before the database, as docs/operations.md says it is to be set. The caller stops it. */
export async function startPgBouncer(
  program: string,
  { adminUrl }: TestDatabase,
  settings: Record<string, string> = {},
): Promise<PgBouncer> {
  const port = await findFreePort()
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-pgbouncer-'))
  const asRoot = process.getuid?.() === 0
  await writeFile(join(folder, 'userlist.txt'), await userList(adminUrl), { mode: 0o600 })
  await writeFile(join(folder, 'pgbouncer.ini'), configuration(folder, port, adminUrl, settings), { mode: 0o600 })
  if (asRoot) for (const name of ['userlist.txt', 'pgbouncer.ini']) await chown(join(folder, name), nobody, nobody)
  await chmod(folder, 0o755)
  const child = spawn(program, ['-q', join(folder, 'pgbouncer.ini')], {
    stdio: 'ignore',
    ...(asRoot ? { uid: nobody, gid: nobody } : {}),
  })
  const ended = once(child, 'exit')
  const end = () => child.kill('SIGKILL')
  process.once('exit', end)
  await untilListening(port)
  return {
    through: (url) => {
      const through = new URL(url)
      through.port = String(port)
      return through.toString()
    },
    stop: async () => {
      process.off('exit', end)
      end()
      await ended
      await rm(folder, { recursive: true })
    },
  }
}

/** The secrets as PostgreSQL keeps them, so that no password stands in a file. */
async function userList(adminUrl: string): Promise<string> {
  const admin = new pg.Client(adminUrl)
  await admin.connect()
  const { rows } = await admin.query(
    `select format('"%s" "%s"', rolname, rolpassword) as line from pg_authid where rolname in ('tenantry_app', 'tenantry_platform')`,
  )
  await admin.end()
  return rows.map(({ line }) => `${line}\n`).join('')
}

function configuration(folder: string, port: number, adminUrl: string, settings: Record<string, string>) {
  const { hostname, port: serverPort, pathname } = new URL(adminUrl)
  const name = pathname.slice(1)
  const all = { ...documented, listen_addr: '127.0.0.1', listen_port: port, unix_socket_dir: '', ...settings }
  return [
    '[databases]',
    `${name} = host=${hostname} port=${serverPort} dbname=${name}`,
    '[pgbouncer]',
    `auth_file = ${join(folder, 'userlist.txt')}`,
    ...Object.entries(all).map(([key, value]) => `${key} = ${value}`),
    '',
  ].join('\n')
}
