import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { onTestFinished } from 'vitest'
import { createTemporaryDataFolder, type EmbeddedDatabase, type EmbeddedOptions, startEmbedded } from './embedded.ts'

/** A data folder of the test's own; as a copy of a pristine one it needs no initdb. */
export async function useDataFolder(pristine?: string): Promise<string> {
  const folder = await createTemporaryDataFolder()
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  if (pristine) await promisify(execFile)('cp', ['-a', join(pristine, 'postgres'), folder])
  return folder
}

export async function useEmbedded(
  dataFolder: string,
  options: Partial<EmbeddedOptions> = {},
): Promise<EmbeddedDatabase> {
  const database = await startEmbedded({ dataFolder, durable: true, ...options })
  onTestFinished(() => database.stop())
  return database
}

export async function query<Row>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

export async function readServerPid(dataFolder: string): Promise<number> {
  const content = await readFile(join(dataFolder, 'postgres', 'postmaster.pid'), 'utf8')
  return Number.parseInt(content, 10)
}

/** Another process, in a process group of its own, that runs `then` once its `database` is started. */
export async function spawnInstance(dataFolder: string | null, then = '') {
  const script = `
    import { createTemporaryDataFolder, startEmbedded } from ${JSON.stringify(new URL('./embedded.ts', import.meta.url).href)}
    const dataFolder = ${JSON.stringify(dataFolder)} ?? await createTemporaryDataFolder()
    const database = await startEmbedded({ dataFolder, durable: true })
    ${then}
    console.log(dataFolder)
    console.log(database.url())`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const nextLine = async (): Promise<string> => String((await lines.next()).value)
  return { pid: Number(child.pid), dataFolder: await nextLine(), url: await nextLine(), nextLine, ended }
}
