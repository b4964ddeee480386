import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chown, mkdir, mkdtemp, readdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Binaries, findBinaries } from './binaries.ts'
import { embeddedErrors } from './errors.ts'
import { isAlive } from './running-server.ts'
import { findSystemUser, requireTraversable, type SystemUser } from './system-user.ts'

export type Logger = (line: string) => void

/** What it takes to talk to the server of a cluster. */
export interface ClusterAccess {
  folder: string
  password: string
}

export interface Cluster extends ClusterAccess {
  user: SystemUser | null
  binaries: Binaries
  durable: boolean
}

/** What server processes get of an environment: nothing of ours, and messages that can be recognised. */
export const serverEnvironment = { LC_ALL: 'C', TZ: 'UTC' }

/** Passwords here are long and random: to stretch them would cost each connection milliseconds, on both sides, for nothing. */
export const quickSignIn = { scram_iterations: 1 }

const passwordFile = 'superuser-password'
const stagingPrefix = 'initialising-'

/** Opens the cluster of a data folder, creating what is not there yet. */
export async function openCluster(dataFolder: string, durable: boolean, logger: Logger): Promise<Cluster> {
  await mkdir(dataFolder, { recursive: true })
  const data = await realpath(dataFolder)
  const folder = await clusterFolder(data)
  const exists = existsSync(join(folder, 'PG_VERSION'))
  const user = await findSystemUser(folder)
  const binaries = await findBinaries()
  if (user) await Promise.all([data, dirname(binaries.postgres)].map((path) => requireTraversable(path, user)))

  await removeAbandonedStaging(data)
  if (!exists) await createCluster(data, { folder, password: newPassword(), user, binaries, durable }, logger)
  return { folder, password: await readPassword(folder), user, binaries, durable }
}

/** Null if the data folder holds no complete cluster. */
export async function findCluster(dataFolder: string): Promise<ClusterAccess | null> {
  const folder = await clusterFolder(await realpath(dataFolder))
  return existsSync(join(folder, 'PG_VERSION')) ? { folder, password: await readPassword(folder) } : null
}

/** A server names its folder without links, and is found by that name. */
async function clusterFolder(data: string): Promise<string> {
  const folder = join(data, 'postgres')
  return existsSync(folder) ? realpath(folder) : folder
}

/** Builds the cluster aside and moves it into place, so that what stands in place is always whole. */
async function createCluster(data: string, cluster: Cluster, logger: Logger): Promise<void> {
  await setAsideIncomplete(cluster.folder, logger)
  const staging = await mkdtemp(join(data, `${stagingPrefix}${process.pid}-`))
  try {
    const password = join(staging, passwordFile)
    await writeFile(password, cluster.password, { mode: 0o600, flush: true })
    const { user } = cluster
    if (user) await Promise.all([staging, password].map((path) => chown(path, user.uid, user.gid)))
    await runInitdb(cluster, join(staging, 'data'), password)
    await rename(password, join(staging, 'data', passwordFile))
    await rename(join(staging, 'data'), cluster.folder).catch(unlessAnotherWasFaster)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

function unlessAnotherWasFaster(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
}

async function runInitdb(cluster: Cluster, folder: string, pwfile: string): Promise<void> {
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  const settings = Object.entries(quickSignIn).map(([name, value]) => `--set=${name}=${value}`)
  const login = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${pwfile}`]
  const flags = [`--pgdata=${folder}`, ...login, ...settings, ...locale, ...(cluster.durable ? [] : ['--no-sync'])]
  const child = spawn(cluster.binaries.initdb, flags, {
    ...cluster.user,
    env: serverEnvironment,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const { promise: ended, resolve, reject } = Promise.withResolvers<number | null>()
  child.once('exit', resolve).once('error', reject)
  const [output, code] = await Promise.all([text(child.stderr), ended])
  if (code !== 0)
    throw embeddedErrors.initialisation_failed({}, `The database cluster could not be created: ${output.trim()}`)
}

/** Our own creation never leaves such a folder; whatever made it, its files are not ours to delete. */
async function setAsideIncomplete(folder: string, logger: Logger): Promise<void> {
  const entries = await readdir(folder).catch(() => [])
  if (entries.length === 0) return
  const aside = `${folder}-incomplete-${Date.now()}`
  await rename(folder, aside)
  logger(`${folder} held no complete database cluster. It was moved to ${aside} and a new one is created.`)
}

async function removeAbandonedStaging(data: string): Promise<void> {
  const staged = (await readdir(data)).filter((name) => name.startsWith(stagingPrefix))
  const abandoned = staged.filter((name) => !isAlive(Number.parseInt(name.slice(stagingPrefix.length), 10)))
  await Promise.all(abandoned.map((name) => rm(join(data, name), { recursive: true, force: true, maxRetries: 3 })))
}

function newPassword(): string {
  return randomBytes(24).toString('base64url')
}

async function readPassword(folder: string): Promise<string> {
  const path = join(folder, passwordFile)
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (cause) {
    const message = `${path} cannot be read, and without it nobody can sign in to this cluster. Restore it from a backup, or choose another DATA_DIR.`
    throw Object.assign(embeddedErrors.no_password({}, message), { cause })
  }
}
