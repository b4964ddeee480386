import { execFile } from 'node:child_process'
import { readFile, readlink, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A postmaster that serves a cluster folder, whoever started it. */
export interface RunningServer {
  pid: number
  port: number
}

const run = promisify(execFile)

/**
 * The server that runs in a cluster folder now. A `postmaster.pid` whose process is gone, or is another program that
 * got the same pid, is no server; it is removed where PostgreSQL itself would take it for one. Of a process that is
 * some PostgreSQL it is left alone: PostgreSQL then says itself what it finds.
 */
export async function findRunningServer(clusterFolder: string): Promise<RunningServer | null> {
  const file = join(clusterFolder, 'postmaster.pid')
  const content = await readPidFile(file)
  const [pid, , , port] = content.split('\n').map(Number)
  if (!pid) return null
  if (await isServing(pid, clusterFolder)) return { pid, port: port ?? 0 }
  if (isAlive(pid) && !(await isPostgres(pid)) && (await readPidFile(file)) === content) await rm(file, { force: true })
  return null
}

/** Whether the process is the server of that folder. False for a zombie, which still answers to its pid. */
export async function isServing(pid: number, clusterFolder: string): Promise<boolean> {
  if (process.platform === 'linux') {
    const [name, folder] = await Promise.all([
      readFile(`/proc/${pid}/comm`, 'utf8').catch(() => ''),
      readlink(`/proc/${pid}/cwd`).catch(() => ''),
    ])
    return name.trim() === 'postgres' && folder === clusterFolder
  }
  const { stdout } = await run('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({ stdout: '' }))
  return stdout.includes('postgres') && stdout.includes(clusterFolder)
}

/** False for a zombie. */
async function isPostgres(pid: number): Promise<boolean> {
  if (process.platform === 'linux') {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    return /^\d+ \(postgres\) [^ZX]/.test(stat)
  }
  const { stdout } = await run('ps', ['-o', 'comm=', '-p', String(pid)]).catch(() => ({ stdout: '' }))
  return stdout.includes('postgres')
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function readPidFile(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
}
