import { setTimeout as delay } from 'node:timers/promises'
import { claimCluster } from './claim.ts'
import type { Cluster, Logger } from './cluster.ts'
import { embeddedErrors } from './errors.ts'
import { holdInstanceLock } from './instance-lock.ts'
import { ended, type ServerProcess, type ServerSettings, spawnServer, stopServer } from './server-process.ts'

export interface RestartPolicy {
  /** Before each restart of a series; the last is repeated. */
  delaysMilliseconds: readonly number[]
  /** Failures within the window after which the server is left alone. */
  failures: number
  windowMilliseconds: number
}

export interface Supervision {
  cluster: Cluster
  settings: ServerSettings
  policy: RestartPolicy
  logger: Logger
  onRestart: () => void
}

export const restartPolicy: RestartPolicy = {
  delaysMilliseconds: [50, 100, 200, 400, 800, 1_600, 3_200],
  failures: 10,
  windowMilliseconds: 120_000,
}

/** Crash recovery of a large write-ahead log may take its time. */
const startMilliseconds = 300_000

/** Starts a server and keeps it running on its port. The answer stops it, and may be called at any time, repeatedly. */
export async function superviseServer(supervision: Supervision): Promise<() => Promise<void>> {
  const stopping = new AbortController()
  const server = await launch(supervision, stopping.signal)
  const ending = keepRunning(supervision, server, stopping.signal)
  return () => {
    stopping.abort()
    return ending
  }
}

async function launch({ cluster, settings, logger }: Supervision, stopping: AbortSignal): Promise<ServerProcess> {
  await unlessAborted(claimCluster(cluster, logger), stopping)
  const server = spawnServer(cluster, settings, logger)
  // A process that just exits takes its server along; only a killed one leaves it behind.
  const stopAtExit = () => server.signal('SIGINT')
  process.once('exit', stopAtExit)
  server.gone.addEventListener('abort', () => process.off('exit', stopAtExit), { once: true })
  try {
    const held = server.ready.then(() => holdInstanceLock(cluster, settings.port, server.gone, logger))
    await unlessAborted(held, AbortSignal.any([stopping, AbortSignal.timeout(startMilliseconds)]))
    return server
  } catch (error) {
    await stopServer(server)
    throw error
  }
}

async function keepRunning(supervision: Supervision, first: ServerProcess, stopping: AbortSignal): Promise<void> {
  const failures: number[] = []
  let server: ServerProcess | null = first
  while (server) {
    await unlessAborted(ended(server), stopping).catch(() => undefined)
    if (stopping.aborted) return stopServer(server)
    supervision.logger(`PostgreSQL ${server.gone.reason} without being asked to; it is restarted.`)
    server = await relaunch(supervision, failures, stopping)
    if (server && !stopping.aborted) supervision.onRestart()
  }
}

/** Null if it was given up, or is to stop. */
async function relaunch(
  supervision: Supervision,
  failures: number[],
  stopping: AbortSignal,
): Promise<ServerProcess | null> {
  const { policy, logger } = supervision
  while (countFailure(failures, policy) <= policy.failures) {
    const step = Math.min(failures.length, policy.delaysMilliseconds.length) - 1
    await delay(policy.delaysMilliseconds[step], undefined, { signal: stopping }).catch(() => undefined)
    if (stopping.aborted) return null
    try {
      return await launch(supervision, stopping)
    } catch (error) {
      if (stopping.aborted) return null
      logger(`PostgreSQL could not be restarted. ${error}`)
      if (isInUse(error)) return null
    }
  }
  const seconds = policy.windowMilliseconds / 1_000
  logger(
    `PostgreSQL failed more than ${policy.failures} times in ${seconds} s and stays down. Find the cause above and start again.`,
  )
  return null
}

/** The failures within the window, this one included. */
function countFailure(failures: number[], policy: RestartPolicy): number {
  const now = Date.now()
  failures.push(now)
  while ((failures[0] ?? now) < now - policy.windowMilliseconds) failures.shift()
  return failures.length
}

function isInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === embeddedErrors.in_use.code
}

/** Rejects as soon as the signal aborts, whatever becomes of the promise. */
async function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', abort))
}
