import { rm } from 'node:fs/promises'
import { createTemporaryDataFolder, removeAbandonedDataFolders, startEmbedded } from '@tenantry/embedded'
import { Client } from 'pg'
import type { TestProject } from 'vitest/node'
import { ensureProgram } from './system-package.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Superuser URL of the run's server, without a database: append `/name`. */
    postgresUrl: string
    /** The program; null where it is missing and its suites are skipped. */
    redisServer: string | null
    /** As with Redis. */
    chromium: string | null
    /** As with Redis. */
    pgbouncer: string | null
    /** Told by the configuration: whether this is `pnpm soak`. */
    soak: boolean
  }
}

/** A migrated database to clone: `create database … template tenantry_template`. */
const templateName = 'tenantry_template'

/** One server for the whole run; each test file clones the template. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  project.provide('redisServer', await ensureProgram({ program: 'redis-server', debianPackage: 'redis-server' }))
  project.provide('chromium', await ensureProgram({ program: 'chromium', debianPackage: 'chromium' }))
  project.provide('pgbouncer', await ensureProgram({ program: 'pgbouncer', debianPackage: 'pgbouncer' }))
  await removeAbandonedDataFolders()
  const dataFolder = await createTemporaryDataFolder()
  const database = await startEmbedded({ dataFolder, durable: false, maxConnections: 300 })
  const teardown = async () => {
    await database.stop()
    await rm(dataFolder, { recursive: true, force: true })
  }
  try {
    await createTemplate(database.url())
  } catch (error) {
    await teardown()
    throw error
  }
  project.provide('postgresUrl', new URL(database.url('')).href.replace(/\/$/, ''))
  return teardown
}

async function createTemplate(adminUrl: string): Promise<void> {
  const { prepareTemplate } = await import('@tenantry/control-plane/testing-database')
  await prepareTemplate(adminUrl, templateName)
  const admin = new Client({ connectionString: adminUrl })
  await admin.connect()
  await admin.query(`alter database ${templateName} with is_template true allow_connections false`)
  await admin.end()
}
