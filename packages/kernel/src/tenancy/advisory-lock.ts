import pg from 'pg'

/** Any number that nobody else locks. */
const installationLock = 7_365_042_611

/**
 * Runs the work while no other process changes the installation behind this URL; the others wait. The lock is the
 * transaction's, so that it ends with this process, however that ends.
 */
export async function withInstallationLock<Result>(url: string, work: () => Promise<Result>): Promise<Result> {
  const client = new pg.Client(url)
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query('begin')
    await client.query('set local idle_in_transaction_session_timeout = 0')
    await client.query('select pg_advisory_xact_lock($1)', [installationLock])
    return await work()
  } finally {
    await client.end()
  }
}
