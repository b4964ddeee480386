import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { migrate } from '@tenantry/control-plane/migrate'
import type { EmbeddedDatabase } from '@tenantry/embedded'
import {
  createDevelopmentKey,
  type DevelopmentKey,
  developmentKey,
} from '@tenantry/kernel/authentication/development-issuer'
import { loadOrCreateKeyFile } from '@tenantry/kernel/crypto/key-file'
import { createDatabase, provisionDatabase, provisionRoles } from '@tenantry/kernel/tenancy/provision'
import { type LoginRole, loginRoles } from '@tenantry/kernel/tenancy/roles'
import { z } from 'zod'
import { ConfigurationError } from './environment.ts'
import type { Storage, StorageOptions } from './storage.ts'

const databaseName = 'tenantry'
const secret = z.string().regex(/^[0-9a-f]{64}$/)
const namedKey = z.object({ id: z.string(), secret })

const keySchema = z.object({
  signing: namedKey,
  encryption: namedKey,
  developmentIssuer: developmentKey,
  passwords: z.record(z.enum(loginRoles), secret),
})
type Keys = z.output<typeof keySchema>

const newSecret = () => randomBytes(32).toString('hex')

/**
 * The database and the keys of an installation that needs nothing else, all in one folder. A server that is joined is
 * left running.
 */
export async function openEmbedded(
  dataFolder: string,
  { logger, prepare, join: mayJoin }: StorageOptions,
): Promise<Storage> {
  const { embeddedErrors, joinEmbedded, startEmbedded } = await loadEmbedded()
  const keyFile = join(dataFolder, 'keys.json')
  if (!prepare && !existsSync(keyFile)) {
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
    const keys = await openKeys(keyFile)
    const migrated = prepare ? await prepareDatabase(running, keys) : []
    return { server, migrated, ...accessTo(running, keys) }
  } catch (error) {
    await server?.stop()
    throw error
  }
}

/** The key that development tokens are signed with; no server is needed for it. */
export async function findDevelopmentKey(dataFolder: string): Promise<DevelopmentKey | null> {
  const keyFile = join(dataFolder, 'keys.json')
  return existsSync(keyFile) ? (await openKeys(keyFile)).developmentIssuer : null
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

function openKeys(file: string): Promise<Keys> {
  return loadOrCreateKeyFile(
    file,
    () => ({
      signing: { id: 'k1', secret: newSecret() },
      encryption: { id: 'k1', secret: newSecret() },
      developmentIssuer: createDevelopmentKey(),
      passwords: {
        tenantry_owner: newSecret(),
        tenantry_app: newSecret(),
        tenantry_platform: newSecret(),
        tenantry_jobs: newSecret(),
      },
    }),
    keySchema,
  ).catch((cause: Error) => {
    throw new ConfigurationError(cause.message, { cause })
  })
}

type Server = Pick<EmbeddedDatabase, 'url'>

function accessTo(server: Server, keys: Keys): Omit<Storage, 'server' | 'migrated'> {
  return {
    ...urlsOf(server, keys),
    signingKey: signingKeyOf(keys),
    encryptionKeys: [{ id: keys.encryption.id, key: Buffer.from(keys.encryption.secret, 'hex') }],
    developmentKey: keys.developmentIssuer,
  }
}

const signingKeyOf = ({ signing }: Keys) => ({ kid: signing.id, secret: Buffer.from(signing.secret, 'hex') })

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

async function prepareDatabase(server: Server, keys: Keys): Promise<string[]> {
  const { ownerUrl, jobsUrl } = urlsOf(server, keys)
  await provisionRoles(server.url(), keys.passwords)
  await createDatabase(server.url(), databaseName)
  await provisionDatabase(server.url(databaseName))
  return migrate({ ownerUrl, jobsUrl, signingKeys: [signingKeyOf(keys)] })
}
