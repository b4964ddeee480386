import { setTimeout as delay } from 'node:timers/promises'
import type { ClusterAccess, Logger } from './cluster.ts'
import { embeddedErrors } from './errors.ts'
import { findOwnerPid, openInstanceSession, tryLock } from './instance-lock.ts'
import { findRunningServer, isAlive, isServing, type RunningServer } from './running-server.ts'

const pollMilliseconds = 25
/** A server that is starting, stopping or recovering refuses sessions for a while. */
const answerMilliseconds = 10_000
/** The time a living owner may need between the start of its server and its lock. */
const ownerGraceMilliseconds = 3_000
const fastShutdownMilliseconds = 5_000
/** PostgreSQL itself kills what is left after five seconds of an immediate shutdown. */
const immediateShutdownMilliseconds = 7_000

/**
 * Leaves the cluster without a running server. One that lost its instance (killed without a chance to stop it) is
 * stopped; throws `embedded.in_use` for one that has a living instance.
 */
export async function claimCluster(cluster: ClusterAccess, logger: Logger): Promise<void> {
  const server = await findRunningServer(cluster.folder)
  if (!server) return
  const startedAt = Date.now()
  while (await isServing(server.pid, cluster.folder)) {
    const waited = Date.now() - startedAt
    const state = await examine(cluster, server, waited)
    if (state === 'in use' || (state === 'silent' && waited > answerMilliseconds)) throw inUse(cluster, server)
    if (state === 'stopped')
      logger(`Stopped the PostgreSQL server (pid ${server.pid}) that a killed instance left behind.`)
    else await delay(pollMilliseconds)
  }
}

async function examine(cluster: ClusterAccess, server: RunningServer, waitedMilliseconds: number) {
  const session = await openInstanceSession(cluster, server.port).catch(() => null)
  if (!session) return 'silent'
  try {
    const owner = await findOwnerPid(session)
    if (!(await tryLock(session))) return 'in use'
    if (owner !== null && isAlive(owner) && waitedMilliseconds < ownerGraceMilliseconds) return 'starting'
    // Still holding the lock: of two newcomers only one takes over.
    await stopLeftBehind(server, cluster)
    return 'stopped'
  } finally {
    await session.end().catch(() => undefined)
  }
}

async function stopLeftBehind({ pid }: RunningServer, cluster: ClusterAccess): Promise<void> {
  const steps = [
    ['SIGINT', fastShutdownMilliseconds],
    ['SIGQUIT', immediateShutdownMilliseconds],
  ] as const
  for (const [signal, milliseconds] of steps) {
    if (isAlive(pid)) process.kill(pid, signal)
    const deadline = Date.now() + milliseconds
    while (Date.now() < deadline) {
      if (!(await isServing(pid, cluster.folder))) return
      await delay(pollMilliseconds)
    }
  }
  throw embeddedErrors.stop_failed(
    {},
    `The PostgreSQL server left behind in ${cluster.folder} (pid ${pid}) does not stop. Stop it by hand.`,
  )
}

function inUse(cluster: ClusterAccess, { pid }: RunningServer) {
  return embeddedErrors.in_use(
    {},
    `The data folder is in use by another running instance: its PostgreSQL (pid ${pid}) serves ${cluster.folder}. Stop that instance, or give this one another DATA_DIR.`,
  )
}
