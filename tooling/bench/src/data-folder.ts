import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createTemporaryDataFolder } from '@tenantry/embedded'

/** A folder for one measurement, removed after it. */
export async function useDataFolder(held: AsyncDisposableStack): Promise<string> {
  const dataFolder = await createTemporaryDataFolder()
  held.defer(() => rm(dataFolder, { recursive: true, force: true }))
  return dataFolder
}

/** The superuser's connection to the server that another part of the measurement runs there: no row-level security. */
export async function superuserUrl(dataFolder: string): Promise<string> {
  const cluster = join(dataFolder, 'postgres')
  const password = await readFile(join(cluster, 'superuser-password'), 'utf8')
  const port = (await readFile(join(cluster, 'postmaster.pid'), 'utf8')).split('\n')[3]
  return `postgres://postgres:${password.trim()}@127.0.0.1:${port}/tenantry`
}
