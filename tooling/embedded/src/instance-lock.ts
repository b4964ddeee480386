import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import type { ClusterAccess, Logger } from './cluster.ts'

/** Set on the server's command line: tells a server whose owner is just starting from one whose owner has died. */
export const ownerSetting = 'tenantry.owner_pid'

const lockKey = 7_236_911_420_518
const reconnectMilliseconds = 100

export function databaseUrl(cluster: ClusterAccess, port: number, database = 'postgres'): string {
  return `postgres://postgres:${cluster.password}@127.0.0.1:${port}/${encodeURIComponent(database)}`
}

/** A session that may hold the lock saying "this server has a living instance". */
export async function openInstanceSession(cluster: ClusterAccess, port: number): Promise<Client> {
  const client = new Client({
    connectionString: databaseUrl(cluster, port),
    application_name: 'tenantry-instance',
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  })
  // Its server may go at any time; `end` tells the same, and an unheard error would end this process.
  client.on('error', () => undefined)
  await client.connect()
  return client
}

/** True if no living instance holds the lock; the session then holds it. */
export async function tryLock(session: Client): Promise<boolean> {
  const { rows } = await session.query<{ free: boolean }>('select pg_try_advisory_lock($1) as free', [lockKey])
  return rows[0]?.free === true
}

/** Null if the server was not started by an instance. */
export async function findOwnerPid(session: Client): Promise<number | null> {
  const { rows } = await session.query<{ owner: string }>('select current_setting($1, true) as owner', [ownerSetting])
  return Number(rows[0]?.owner) || null
}

/** Resolves once the lock is held; from then on takes it again whenever its session is lost, until `gone`. */
export async function holdInstanceLock(
  cluster: ClusterAccess,
  port: number,
  gone: AbortSignal,
  logger: Logger,
): Promise<void> {
  const session = await openInstanceSession(cluster, port)
  const lost = new Promise<void>((resolve) => session.once('end', () => resolve()))
  await session.query('select pg_advisory_lock($1)', [lockKey])
  void lost.then(() => retake(cluster, port, gone, logger))
}

async function retake(cluster: ClusterAccess, port: number, gone: AbortSignal, logger: Logger): Promise<void> {
  while (!gone.aborted) {
    try {
      await delay(reconnectMilliseconds, undefined, { signal: gone })
      return await holdInstanceLock(cluster, port, gone, logger)
    } catch (error) {
      if (!gone.aborted) logger(`The instance lock is not held: ${(error as Error).message}`)
    }
  }
}
