import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { migrate } from '@tenantry/control-plane/migrate'
import type { EmbeddedDatabase } from '@tenantry/embedded'
import { createDevelopmentKey, developmentKey } from '@tenantry/kernel/authentication/development-issuer'
import { loadOrCreateKeyFile } from '@tenantry/kernel/crypto/key-file'
import { createDatabase, provisionDatabase, provisionRoles } from '@tenantry/kernel/tenancy/provision'
import { type LoginRole, loginRoles } from '@tenantry/kernel/tenancy/roles'
import type { Logger } from 'pino'
import { z } from 'zod'
import { ConfigurationError } from './config.ts'

const databaseName = 'tenantry'
const secret = z.string().regex(/^[0-9a-f]{64}$/)
const namedKey = z.object({ id: z.string(), secret })

const keyFile = z.object({
  signing: namedKey,
  encryption: namedKey,
  developmentIssuer: developmentKey,
  passwords: z.record(z.enum(loginRoles), secret),
})
type Keys = z.output<typeof keyFile>

const newSecret = () => randomBytes(32).toString('hex')

/** The database and the keys of an installation that needs nothing else, all in one folder. */
export async function openEmbedded(dataFolder: string, logger: Logger) {
  const { startEmbedded } = await loadEmbedded()
  // The server goes first: it makes the folder such that its system user may enter it.
  const server = await startEmbedded({
    dataFolder,
    durable: true,
    logger: (line) => logger.debug({ source: 'postgresql' }, line),
    onRestart: () => logger.warn('PostgreSQL ended unexpectedly and was started again'),
  })
  try {
    return { server, ...(await prepareDatabase(server, await openKeys(dataFolder))) }
  } catch (error) {
    await server.stop()
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

function openKeys(dataFolder: string): Promise<Keys> {
  return loadOrCreateKeyFile(
    join(dataFolder, 'keys.json'),
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
    keyFile,
  ).catch((cause: Error) => {
    throw new ConfigurationError(cause.message, { cause })
  })
}

async function prepareDatabase(server: EmbeddedDatabase, keys: Keys) {
  const signingKey = { kid: keys.signing.id, secret: Buffer.from(keys.signing.secret, 'hex') }
  const urlOf = (role: LoginRole) => {
    const url = new URL(server.url(databaseName))
    url.username = role
    url.password = keys.passwords[role]
    return url.toString()
  }
  await provisionRoles(server.url(), keys.passwords)
  await createDatabase(server.url(), databaseName)
  await provisionDatabase(server.url(databaseName))
  await migrate({ ownerUrl: urlOf('tenantry_owner'), jobsUrl: urlOf('tenantry_jobs'), signingKeys: [signingKey] })
  return {
    signingKey,
    encryptionKeys: [{ id: keys.encryption.id, key: Buffer.from(keys.encryption.secret, 'hex') }],
    developmentKey: keys.developmentIssuer,
    appUrl: urlOf('tenantry_app'),
    platformUrl: urlOf('tenantry_platform'),
    jobsUrl: urlOf('tenantry_jobs'),
  }
}
