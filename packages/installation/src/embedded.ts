import { migrate } from '@tenantry/control-plane/migrate'
import type { EmbeddedDatabase } from '@tenantry/embedded'
import { createDatabase, provisionDatabase, provisionRoles } from '@tenantry/kernel/tenancy/provision'
import type { LoginRole } from '@tenantry/kernel/tenancy/roles'
import { acceptedKeys, hasKeys, type Keys, openKeys, readKeys, watchSigningKey } from './embedded-keys.ts'
import { ConfigurationError } from './environment.ts'
import type { Storage, StorageOptions } from './storage.ts'

const databaseName = 'tenantry'

/**
 * The database and the keys of an installation that needs nothing else, all in one folder. A server that is joined is
 * left running.
 */
export async function openEmbedded(
  dataFolder: string,
  { logger, prepare, join: mayJoin }: StorageOptions,
): Promise<Storage> {
  const { embeddedErrors, joinEmbedded, startEmbedded } = await loadEmbedded()
  if (!prepare && !hasKeys(dataFolder)) {
    throw new ConfigurationError(
      `There is no installation in ${dataFolder}. Make one with pnpm start or pnpm tenantry migrate, or set DATA_DIR.`,
    )
  }
  // The server goes first: it makes the folder such that its system user may enter it.
  const running = await startEmbedded({
    dataFolder,
    durable: true,
    logger: (line) => logger.debug({ source: 'postgresql' }, line),
    onRestart: () => logger.warn('PostgreSQL ended unexpectedly and was started again'),
  }).catch(async (error: Error & { code?: string }) => {
    const joined = mayJoin && error.code === embeddedErrors.in_use.code ? await joinEmbedded(dataFolder) : null
    if (joined === null) throw error
    return joined
  })
  const server = 'stop' in running ? running : null
  try {
    const keys = await openKeys(dataFolder)
    const migrated = prepare ? await prepareDatabase(running, keys, dataFolder) : []
    const signingKey = watchSigningKey(dataFolder, keys, logger)
    return {
      ...accessTo(running, keys),
      migrated,
      signingKey: signingKey.current,
      close: async () => {
        signingKey.leave()
        await server?.stop()
      },
    }
  } catch (error) {
    await server?.stop()
    throw error
  }
}

/** Only here: an installation for production has neither the module nor the database that comes with it. */
async function loadEmbedded(): Promise<typeof import('@tenantry/embedded')> {
  return import('@tenantry/embedded').catch((cause: Error & { code?: string }) => {
    if (cause.code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new ConfigurationError(
      'The embedded database is not installed here. Set DATABASE_URL, or install the development dependencies too.',
      { cause },
    )
  })
}

type Server = Pick<EmbeddedDatabase, 'url'>

function accessTo(server: Server, keys: Keys): Omit<Storage, 'migrated' | 'signingKey' | 'close'> {
  return {
    ...urlsOf(server, keys),
    encryptionKeys: [{ id: keys.encryption.id, key: Buffer.from(keys.encryption.secret, 'hex') }],
    developmentKey: keys.developmentIssuer,
  }
}

function urlsOf(server: Server, { passwords }: Keys) {
  const urlOf = (role: LoginRole) => {
    const url = new URL(server.url(databaseName))
    url.username = role
    url.password = passwords[role]
    return url.toString()
  }
  return {
    ownerUrl: urlOf('tenantry_owner'),
    appUrl: urlOf('tenantry_app'),
    platformUrl: urlOf('tenantry_platform'),
    jobsUrl: urlOf('tenantry_jobs'),
  }
}

async function prepareDatabase(server: Server, keys: Keys, dataFolder: string): Promise<string[]> {
  const { ownerUrl, jobsUrl } = urlsOf(server, keys)
  await provisionRoles(server.url(), keys.passwords)
  await createDatabase(server.url(), databaseName)
  await provisionDatabase(server.url(databaseName))
  return migrate({ ownerUrl, jobsUrl, signingKeys: async () => acceptedKeys(await readKeys(dataFolder)) })
}
