import { spawn } from 'node:child_process'
import { rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { query, readServerPid, spawnInstance, useDataFolder, useEmbedded } from './data-folder.fixture.ts'
import { createTemporaryDataFolder, startEmbedded } from './embedded.ts'
import { isServing } from './running-server.ts'

let pristine: string

beforeAll(async () => {
  pristine = await createTemporaryDataFolder()
  const database = await startEmbedded({ dataFolder: pristine, durable: false })
  await database.stop()
})

afterAll(() => rm(pristine, { recursive: true, force: true }))

test('a second start finds the data of the first, and the password stays private', async () => {
  const folder = await useDataFolder()
  const first = await useEmbedded(folder)
  await query(first.url(), 'create table kept as select 7 as number')
  await first.stop()

  const second = await useEmbedded(folder)

  expect(await query(second.url(), 'select number from kept')).toEqual([{ number: 7 }])
  expect((await stat(join(folder, 'postgres', 'superuser-password'))).mode & 0o777).toBe(0o600)
  const wrong = second.url().replace(/:[^:@]+@/, ':wrong@')
  await expect(query(wrong, 'select 1')).rejects.toThrow(/password authentication failed/)
})

test('a killed server comes back on its port with every committed row', async () => {
  const restarted = Promise.withResolvers<void>()
  const folder = await useDataFolder(pristine)
  const database = await useEmbedded(folder, { onRestart: restarted.resolve })
  await query(database.url(), 'create table kept as select generate_series(1, 100) as number')

  process.kill(await readServerPid(folder), 'SIGKILL')
  await restarted.promise

  expect(await query(database.url(), 'select count(*)::int as rows from kept')).toEqual([{ rows: 100 }])
})

test('a server that was stopped by somebody else comes back as well', async () => {
  const restarted = Promise.withResolvers<void>()
  const folder = await useDataFolder(pristine)
  const database = await useEmbedded(folder, { onRestart: restarted.resolve })

  process.kill(await readServerPid(folder), 'SIGINT')
  await restarted.promise

  expect(await query(database.url(), 'select 1 as alive')).toEqual([{ alive: 1 }])
})

test('stopping wins over a restart that is under way, and may be repeated', async () => {
  const dead = Promise.withResolvers<void>()
  const folder = await useDataFolder(pristine)
  const logger = (line: string) => line.includes('it is restarted') && dead.resolve()
  const database = await useEmbedded(folder, { logger })
  const pid = await readServerPid(folder)
  process.kill(pid, 'SIGKILL')
  await dead.promise

  await Promise.all([database.stop(), database.stop()])

  expect(await isServing(pid, join(folder, 'postgres'))).toBe(false)
  await expect(query(database.url(), 'select 1')).rejects.toThrow(/ECONNREFUSED/)
})

test('a folder in use is refused until its instance is killed; then its server is taken over', async () => {
  const folder = await useDataFolder(pristine)
  const instance = await spawnInstance(folder)
  await query(instance.url, 'create table kept as select 7 as number')
  const orphan = await readServerPid(folder)
  const refusal = { code: 'embedded.in_use', message: expect.stringMatching(/another running instance.*DATA_DIR/) }
  await expect(startEmbedded({ dataFolder: folder, durable: true })).rejects.toMatchObject(refusal)

  process.kill(instance.pid, 'SIGKILL')
  await instance.ended
  expect(await isServing(orphan, join(folder, 'postgres'))).toBe(true)
  const database = await useEmbedded(folder)

  expect(await query(database.url(), 'select number from kept')).toEqual([{ number: 7 }])
  expect(await isServing(orphan, join(folder, 'postgres'))).toBe(false)
})

test('of two starts at the same moment one gets the folder and the other a clear refusal', async () => {
  const folder = await useDataFolder()
  const starts = await Promise.allSettled([0, 1].map(() => useEmbedded(folder, { durable: false })))

  expect(starts.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  expect(starts.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'embedded.in_use' } })
})

test('an instance whose lock session was cut still keeps its folder', async () => {
  const folder = await useDataFolder(pristine)
  const database = await useEmbedded(folder)
  const cut = `select pg_terminate_backend(pid) as cut from pg_stat_activity where application_name = 'tenantry-instance'`
  expect(await query(database.url(), cut)).toEqual([{ cut: true }])

  await expect(startEmbedded({ dataFolder: folder, durable: true })).rejects.toMatchObject({ code: 'embedded.in_use' })
})

test('Ctrl-C leaves the database to its instance, which drains and then stops it', async () => {
  const folder = await useDataFolder(pristine)
  const drain = `
    const { Client } = await import(${JSON.stringify(import.meta.resolve('pg'))})
    const client = new Client({ connectionString: database.url() })
    await client.connect()
    process.once('SIGINT', async () => {
      const { rows } = await client.query("select pg_sleep(0.1), 'drained' as word")
      await client.end()
      await database.stop()
      console.log(rows[0].word)
    })`
  const instance = await spawnInstance(folder, drain)
  const server = await readServerPid(folder)

  process.kill(-instance.pid, 'SIGINT')

  expect(await instance.nextLine()).toBe('drained')
  await instance.ended
  expect(await isServing(server, join(folder, 'postgres'))).toBe(false)
})

test('an instance that exits without stopping leaves no server behind', async () => {
  const folder = await useDataFolder(pristine)
  const instance = await spawnInstance(folder, `process.once('SIGTERM', () => process.exit(1))`)
  const server = await readServerPid(folder)

  process.kill(instance.pid, 'SIGTERM')
  await instance.ended

  await expect.poll(() => isServing(server, join(folder, 'postgres'))).toBe(false)
})

test('two instances run side by side on folders of their own', async () => {
  const [one, other] = await Promise.all([useDataFolder(pristine), useDataFolder(pristine)])
  const [first, second] = await Promise.all([useEmbedded(one), useEmbedded(other)])
  await query(first.url(), 'create database only_here')

  expect(await query(first.url('only_here'), 'select 1 as alive')).toEqual([{ alive: 1 }])
  await expect(query(second.url('only_here'), 'select 1')).rejects.toThrow(/does not exist/)
})

test('a folder whose creation was cut short is set aside and created anew', async () => {
  const folder = await useDataFolder(pristine)
  await rm(join(folder, 'postgres', 'PG_VERSION'))
  const lines: string[] = []

  const database = await useEmbedded(folder, { durable: false, logger: (line) => lines.push(line) })

  expect(await query(database.url(), 'select 1 as alive')).toEqual([{ alive: 1 }])
  expect(lines[0]).toMatch(/no complete database cluster.*moved to .*postgres-incomplete-/)
})

test('a pid file that names another living process does not keep the server from starting', async () => {
  const folder = await useDataFolder(pristine)
  const { uid, gid } = await stat(join(folder, 'postgres'))
  const other = spawn('sleep', ['60'], { uid, gid })
  onTestFinished(() => void other.kill())
  const stale = [other.pid, join(folder, 'postgres'), 1_700_000_000, 5432, '', '127.0.0.1', '', 'ready', '']
  await writeFile(join(folder, 'postgres', 'postmaster.pid'), stale.join('\n'))

  const database = await useEmbedded(folder)

  expect(await query(database.url(), 'select 1 as alive')).toEqual([{ alive: 1 }])
})
