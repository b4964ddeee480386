import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { type Cluster, type Logger, quickSignIn, serverEnvironment } from './cluster.ts'
import { embeddedErrors } from './errors.ts'
import { ownerSetting } from './instance-lock.ts'

export interface ServerProcess {
  /** Aborted when the process is gone; the reason is a text saying how it ended. */
  gone: AbortSignal
  /** Resolves when connections are accepted; throws `embedded.start_failed`. */
  ready: Promise<void>
  signal(name: NodeJS.Signals): void
}

export interface ServerSettings {
  port: number
  maxConnections: number
}

const rememberedLines = 12
/** Sessions outlive a killed server by moments, and keep a new one from starting. */
const leftoverMilliseconds = 500
const fastShutdownMilliseconds = 1_000
/** PostgreSQL itself kills what is left after five seconds of an immediate shutdown. */
const immediateShutdownMilliseconds = 7_000

export function spawnServer(cluster: Cluster, settings: ServerSettings, logger: Logger): ServerProcess {
  const gone = new AbortController()
  const ready = Promise.withResolvers<void>()
  ready.promise.catch(() => undefined)
  const lines: string[] = []
  // In a process group of its own: Ctrl-C in a terminal must not stop it before its instance has drained.
  const child = spawn(cluster.binaries.postgres, serverArguments(cluster, settings), {
    ...cluster.user,
    detached: true,
    env: serverEnvironment,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const end = (how: string) => {
    ready.reject(
      embeddedErrors.start_failed({}, `PostgreSQL did not start (${how}). Its last words: ${lines.join(' | ')}`),
    )
    gone.abort(how)
  }
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.splice(0, lines.length - rememberedLines + 1)
    lines.push(line)
    if (line.includes('database system is ready to accept connections')) ready.resolve()
    logger(line)
  })
  const closed = once(child, 'close')
  child.once('exit', async (code, signal) => {
    await Promise.race([closed, delay(leftoverMilliseconds)])
    end(signal ? `ended by ${signal}` : `ended with code ${code}`)
  })
  child.once('error', (error) => end(error.message))
  return { gone: gone.signal, ready: ready.promise, signal: (name) => child.kill(name) }
}

/** Fast shutdown; then, each after a while, an immediate one (crash recovery at the next start) and SIGKILL. */
export async function stopServer(server: ServerProcess): Promise<void> {
  const steps = [
    ['SIGINT', fastShutdownMilliseconds],
    ['SIGQUIT', immediateShutdownMilliseconds],
  ] as const
  for (const [signal, milliseconds] of steps) {
    if (server.gone.aborted) return
    server.signal(signal)
    await delay(milliseconds, undefined, { signal: server.gone }).catch(() => undefined)
  }
  if (server.gone.aborted) return
  server.signal('SIGKILL')
  await ended(server)
}

export function ended({ gone }: ServerProcess): Promise<void> {
  if (gone.aborted) return Promise.resolve()
  return new Promise((resolve) => gone.addEventListener('abort', () => resolve(), { once: true }))
}

function serverArguments(cluster: Cluster, { port, maxConnections }: ServerSettings): string[] {
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    port,
    max_connections: maxConnections,
    timezone: 'UTC',
    log_timezone: 'UTC',
    // The log is watched for readiness; failed statements reach their caller and may hold personal data.
    logging_collector: 'off',
    log_destination: 'stderr',
    log_min_messages: 'log',
    log_checkpoints: 'off',
    ...quickSignIn,
    [ownerSetting]: process.pid,
    ...(cluster.durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  }
  return ['-D', cluster.folder, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
}
