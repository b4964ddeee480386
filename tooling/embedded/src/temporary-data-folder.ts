import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { claimCluster } from './claim.ts'
import { findCluster } from './cluster.ts'
import { isAlive } from './running-server.ts'
import { findDedicatedUser, requireTraversable } from './system-user.ts'

const prefix = 'tenantry-temporary-'

/** A folder in the system's temporary folder, or in one like it that the server's system user may enter. */
export async function createTemporaryDataFolder(): Promise<string> {
  const parent = await findTemporaryParent()
  const folder = await mkdtemp(join(parent, `${prefix}${process.pid}-`))
  await chmod(folder, 0o711)
  return folder
}

/** Removes the temporary folders of processes that were killed, and stops the servers left behind in them. */
export async function removeAbandonedDataFolders(): Promise<void> {
  const parent = await findTemporaryParent()
  const names = (await readdir(parent)).filter((name) => name.startsWith(prefix))
  const abandoned = names.filter((name) => !isAlive(Number.parseInt(name.slice(prefix.length), 10)))
  for (const name of abandoned) await removeAbandoned(join(parent, name)).catch(() => undefined)
}

async function removeAbandoned(folder: string): Promise<void> {
  const cluster = await findCluster(folder)
  if (cluster) await claimCluster(cluster, () => undefined)
  await rm(folder, { recursive: true, force: true })
}

async function findTemporaryParent(): Promise<string> {
  if (process.getuid?.() !== 0) return tmpdir()
  const user = await findDedicatedUser()
  const failures: unknown[] = []
  for (const folder of [tmpdir(), '/tmp', '/var/tmp']) {
    const failure = await requireTraversable(folder, user).then(
      () => null,
      (error: unknown) => error,
    )
    if (failure === null) return folder
    failures.push(failure)
  }
  throw failures[0]
}
