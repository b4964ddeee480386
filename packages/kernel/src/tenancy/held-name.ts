import pg from 'pg'
import { serviceErrors } from '../contract/errors.ts'

/** Each stands idle in a session of its own while its holder works. */
const mostNames = 8

/** Sessions for names alone. Nothing connects before the first. */
export function openNamePool(config: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool({ ...config, min: 0, max: mostNames })
  pool.on('error', () => undefined)
  return pool
}

/**
 * The lock is a transaction's, which a pooler passes on as it is and which nobody can leave behind; the work runs beside
 * it, in transactions of its own, on another pool, so that those who hold never keep those who work waiting. Throws
 * `service.overloaded` where as many names are held as there are sessions.
 */
export async function holdName<Result>(
  pool: pg.Pool,
  name: string,
  work: () => Promise<Result>,
): Promise<Result | null> {
  if (pool.idleCount === 0 && pool.totalCount >= mostNames) throw serviceErrors.overloaded({ retryAfterSeconds: 1 })
  const client = await pool.connect()
  // The session may be lost while it only waits; that the work goes on all the same is for the work to be safe against.
  const ignore = () => undefined
  client.on('error', ignore)
  const lost = (error: unknown) => {
    client.release(true)
    throw error
  }
  const held = await take(client, name).catch(lost)
  try {
    return held ? await work() : null
  } finally {
    // Awaited, so that whoever is answered finds the name free.
    await client.query('rollback').then(
      () => client.release(),
      () => client.release(true),
    )
    client.off('error', ignore)
  }
}

async function take(client: pg.PoolClient, name: string): Promise<boolean> {
  await client.query('begin')
  const { rows } = await client.query<{ held: boolean }>(
    'select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as held',
    [name],
  )
  return rows[0]?.held === true
}
