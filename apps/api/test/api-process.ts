import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { seedDemo } from '@tenantry/control-plane/seeds'
import { createTemporaryDataFolder } from '@tenantry/embedded'
import { onTestFinished } from 'vitest'
import { readConfig } from '../src/config.ts'
import { openInstallation } from '../src/dependencies.ts'
import { bearer, type Reply, type Sending, send } from './http.ts'
import { processEnvironment } from './process-environment.ts'

export interface ApiProcess {
  pid: number
  /** Everything it wrote so far, to either stream. */
  output(): string
  /** Its exit code; null where a signal ended it. */
  ended: Promise<number | null>
  /** Resolves when the banner stands; throws where it ends before. */
  ready(): Promise<RunningApi>
}

export interface RunningApi extends ApiProcess {
  origin: string
  send(path: string, sending?: Sending): Promise<Reply>
  /** A request header that signs a person in by the development door. */
  signIn(email: string): Promise<{ authorization: string }>
  /** Sends the signal, to the whole process group if told; answers after how many milliseconds the process was gone. */
  stop(signal: NodeJS.Signals, to?: 'process' | 'group'): Promise<{ code: number | null; milliseconds: number }>
}

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const startMilliseconds = 40_000

/** Runs the real process, in a group of its own. It is killed with the test, and so is a database it left behind. */
export function spawnApi(dataFolder: string, environment: Record<string, string> = {}): ApiProcess {
  const child = spawn(process.execPath, [main], {
    cwd: dataFolder,
    detached: true,
    env: { ...processEnvironment, PORT: '0', DATA_DIR: dataFolder, LOG_LEVEL: 'warn', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let written = ''
  const closed = once(child, 'close')
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (written += String(chunk)))
  const api: ApiProcess = {
    pid: Number(child.pid),
    output: () => written,
    ended: closed.then(([code]: (number | null)[]) => code ?? null),
    ready: async () => {
      const banner = new Promise<void>((resolve) => {
        child.stdout.on('data', () => written.includes('Try it:') && written.endsWith('\n\n') && resolve())
      })
      const failed = api.ended.then((code) => Promise.reject(new Error(`It ended with ${code}:\n${written}`)))
      const late = AbortSignal.timeout(startMilliseconds)
      const overdue = once(late, 'abort').then(() => Promise.reject(new Error(`It is not ready:\n${written}`)))
      failed.catch(() => undefined)
      overdue.catch(() => undefined)
      await Promise.race([banner, failed, overdue])
      return running(api)
    },
  }
  onTestFinished(async () => {
    kill(-api.pid, 'SIGKILL')
    await api.ended
  })
  return api
}

function running(api: ApiProcess): RunningApi {
  const origin = /REST\s+(http:\/\/\S+)\/api\/v1/.exec(api.output())?.[1] ?? ''
  return {
    ...api,
    origin,
    send: (path, sending) => send(origin, path, sending),
    signIn: async (email) => bearer((await send(origin, '/dev/token', { json: { email } })).json.token),
    stop: async (signal, to = 'process') => {
      const startedAt = performance.now()
      kill(to === 'group' ? -api.pid : api.pid, signal)
      return { code: await api.ended, milliseconds: performance.now() - startedAt }
    },
  }
}

/** What a first start leaves, to be copied; the caller removes it. */
export async function createPristineFolder(): Promise<string> {
  const folder = await createTemporaryDataFolder()
  const installation = await openInstallation(readConfig({ DATA_DIR: folder, LOG_LEVEL: 'silent' }))
  await seedDemo(installation.dependencies)
  await installation.close()
  return folder
}

/** A data folder of the test's own, empty or a copy; whatever database still runs in it ends with the test. */
export async function useDataFolder(pristine?: string): Promise<string> {
  const folder = await createTemporaryDataFolder()
  onTestFinished(() => removeDataFolder(folder))
  if (pristine !== undefined) await promisify(execFile)('cp', ['-a', `${pristine}/.`, folder])
  return folder
}

export async function removeDataFolder(folder: string): Promise<void> {
  const pid = await databasePid(folder)
  if (pid !== null && (await isRunning(pid))) kill(pid, 'SIGKILL')
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
}

/** Of the PostgreSQL server of a data folder; null where none has run since it was last stopped properly. */
export async function databasePid(dataFolder: string): Promise<number | null> {
  const content = await readFile(join(dataFolder, 'postgres', 'postmaster.pid'), 'utf8').catch(() => '')
  return Number.parseInt(content, 10) || null
}

/** A superuser's URL of the embedded database. */
export async function databaseUrl(dataFolder: string): Promise<string> {
  const [pidFile, password] = await Promise.all(
    ['postmaster.pid', 'superuser-password'].map((name) => readFile(join(dataFolder, 'postgres', name), 'utf8')),
  )
  return `postgres://postgres:${password?.trim()}@127.0.0.1:${pidFile?.split('\n')[3]}/tenantry`
}

/** False for a zombie too, which an orphan is until its foster parent looks after it. */
export async function isRunning(pid: number): Promise<boolean> {
  if (process.platform !== 'linux') return kill(pid, 0)
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const state = /\) (\w)/.exec(status)?.[1]
  return state !== undefined && state !== 'Z'
}

/** False where there is no such process any more. */
export function kill(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}
