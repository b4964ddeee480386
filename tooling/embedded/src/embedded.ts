import { createServer } from 'node:net'
import { findCluster, openCluster } from './cluster.ts'
import { embeddedErrors } from './errors.ts'
import { databaseUrl } from './instance-lock.ts'
import { findRunningServer } from './running-server.ts'
import { restartPolicy, type Supervision, superviseServer } from './supervisor.ts'

export { embeddedErrors } from './errors.ts'
export { createTemporaryDataFolder, removeAbandonedDataFolders } from './temporary-data-folder.ts'

export interface EmbeddedDatabase {
  /** Superuser connection URL of the given database, `postgres` unless told. */
  url(database?: string): string
  port: number
  /** Stops the server; idempotent; resolves when the process is gone. */
  stop(): Promise<void>
}

export interface EmbeddedOptions {
  /** Holds the cluster and its generated superuser password; made if it is not there. */
  dataFolder: string
  /** False trades safety against a crash of the machine for speed: for tests. */
  durable: boolean
  maxConnections?: number
  logger?: (line: string) => void
  /** Called when the server died and runs again, on the same port. */
  onRestart?: () => void
}

const startAttempts = 3

/**
 * Starts PostgreSQL on a free loopback port and keeps it running until stopped. It survives SIGINT to the process
 * group: stop it once its clients are done. Throws `embedded.*`; `embedded.in_use` if another instance has the folder.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  const logger = options.logger ?? (() => undefined)
  const cluster = await openCluster(options.dataFolder, options.durable, logger)
  for (let attempt = 1; ; attempt += 1) {
    const port = await findFreePort()
    const supervision: Supervision = {
      cluster,
      settings: { port, maxConnections: options.maxConnections ?? 100 },
      policy: restartPolicy,
      logger,
      onRestart: options.onRestart ?? (() => undefined),
    }
    try {
      const stop = await superviseServer(supervision)
      return { port, stop, url: (database) => databaseUrl(cluster, port, database) }
    } catch (error) {
      if (attempt === startAttempts || !wasOvertaken(error)) throw error
    }
  }
}

/** The server that another instance runs in the folder, which is not ours to stop; null if there is none. */
export async function joinEmbedded(dataFolder: string): Promise<Pick<EmbeddedDatabase, 'url' | 'port'> | null> {
  const cluster = await findCluster(dataFolder)
  const server = cluster && (await findRunningServer(cluster.folder))
  if (!cluster || !server) return null
  const { port } = server
  return { port, url: (database) => databaseUrl(cluster, port, database) }
}

/** Between looking and starting, another program took the port, or another instance the folder. */
function wasOvertaken(error: unknown): boolean {
  const started = error instanceof Error && 'code' in error && error.code === embeddedErrors.start_failed.code
  return started && /could not bind|postmaster\.pid/.test(error.message)
}

async function findFreePort(): Promise<number> {
  const server = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject).listen(0, '127.0.0.1', resolve)
  await promise
  const address = server.address()
  await new Promise((closed) => server.close(closed))
  if (address === null || typeof address === 'string') throw embeddedErrors.start_failed({}, 'There is no free port.')
  return address.port
}
