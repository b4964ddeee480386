import type { PoolClient } from 'pg'

/**
 * The lock is a transaction's, which a pooler passes on as it is and which nobody can leave behind; the work runs beside
 * it, in transactions of its own. They belong on another pool, so that those who hold never keep those who work waiting.
 */
export async function holdName<Result>(
  pool: { connect(): Promise<unknown> },
  name: string,
  work: () => Promise<Result>,
): Promise<Result | null> {
  // The overloads of pg are more than the pool's own type tells.
  const client = (await pool.connect()) as PoolClient
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

async function take(client: PoolClient, name: string): Promise<boolean> {
  await client.query('begin')
  const { rows } = await client.query<{ held: boolean }>(
    'select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as held',
    [name],
  )
  return rows[0]?.held === true
}
