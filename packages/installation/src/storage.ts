import { resolve } from 'node:path'
import type { DevelopmentKey } from '@tenantry/kernel/authentication/development-issuer'
import type { SealingKey } from '@tenantry/kernel/crypto/sealer'
import type { SigningKey } from '@tenantry/kernel/tenancy/signed-context'
import type { Logger } from 'pino'
import { openEmbedded } from './embedded.ts'
import type { InstallationConfig } from './environment.ts'

/** Where an installation keeps its data, and the keys to it. None of it leaves the process. */
export interface Storage {
  appUrl: string
  platformUrl: string
  jobsUrl: string
  /** Null where the environment does not name it, as for a service. */
  ownerUrl: string | null
  /** The one to sign with now. */
  signingKey(): SigningKey
  encryptionKeys: SealingKey[]
  /** The migrations that ran when it was prepared. */
  migrated: string[]
  /** Only where everything is in one folder. */
  developmentKey: DevelopmentKey | null
  /** Stops the server, unless another process runs it. */
  close(): Promise<void>
}

export interface StorageOptions {
  logger: Logger
  /** Makes what is missing of an embedded database, and migrates it. */
  prepare: boolean
  /** Uses the server of an embedded database that another process runs, instead of refusing. */
  join: boolean
}

export const openStorage = async (config: InstallationConfig, options: StorageOptions): Promise<Storage> =>
  config.embedded ? openEmbedded(resolve(config.DATA_DIR), options) : externalStorage(config)

function externalStorage(config: InstallationConfig): Storage {
  const { DATABASE_URL, PLATFORM_DATABASE_URL, JOBS_DATABASE_URL, CONTEXT_SIGNING_KEYS, ENCRYPTION_KEYS } = config
  const [signing] = CONTEXT_SIGNING_KEYS ?? []
  // Reading the configuration has refused one without them.
  if (!DATABASE_URL || !PLATFORM_DATABASE_URL || !JOBS_DATABASE_URL || !signing || !ENCRYPTION_KEYS)
    throw new Error('incomplete')
  return {
    appUrl: DATABASE_URL,
    platformUrl: PLATFORM_DATABASE_URL,
    jobsUrl: JOBS_DATABASE_URL,
    ownerUrl: config.MIGRATION_DATABASE_URL ?? null,
    signingKey: () => ({ kid: signing.id, secret: signing.key }),
    encryptionKeys: ENCRYPTION_KEYS,
    migrated: [],
    developmentKey: null,
    close: async () => undefined,
  }
}
