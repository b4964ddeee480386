import { setTimeout as delay } from 'node:timers/promises'
import { loadCatalogue, readCatalogue } from '@tenantry/control-plane/capabilities/plan/index'
import { type ControlPlaneParts, createDependencies } from '@tenantry/control-plane/dependencies'
import { entities } from '@tenantry/control-plane/entities'
import { systemClock } from '@tenantry/kernel/context/clock'
import type { Authenticator, Dependencies } from '@tenantry/kernel/context/dependencies'
import { createApiKeyTexts } from '@tenantry/kernel/crypto/api-key-text'
import { createSealer } from '@tenantry/kernel/crypto/sealer'
import { createLogger } from '@tenantry/kernel/observability/logger'
import { createMetrics, type Metrics } from '@tenantry/kernel/observability/metrics'
import type { RedisConnection } from '@tenantry/kernel/redis/connection'
import { type OpenDatabase, openDatabase } from '@tenantry/kernel/tenancy/unit-of-work'
import type { Logger } from 'pino'
import type { InstallationConfig } from './environment.ts'
import { openSharedState } from './shared-state.ts'
import { openStorage, type Storage, type StorageOptions } from './storage.ts'

/** What every process of an installation holds, and how it lets go of it. */
export interface InstallationParts {
  dependencies: Dependencies
  database: OpenDatabase
  metrics: Metrics
  /** Null where one process serves alone. */
  redis: RedisConnection | null
  storage: Storage
  /** `others` are closed beside, within the same time. */
  close(...others: (() => Promise<unknown>)[]): Promise<void>
}

export interface OpenOptions extends Omit<StorageOptions, 'logger'> {
  /** Standard output unless told. */
  logger?: Logger
  /** Who tokens are believed of. */
  authenticator(storage: Storage): Authenticator
  platformAccess?: ControlPlaneParts['platformAccess']
  streams?: ControlPlaneParts['streams']
  /** Sends mails from this process; null where it sends none. */
  mailer?: ControlPlaneParts['mailer']
  /** Where links in mails lead. */
  publicUrl?: string
  selfServiceSignUp?: boolean
  /** Whether its plan catalogue takes the place of another that is in force, as that of a service does; not unless told. */
  replacesCatalogue?: boolean
}

const closeMilliseconds = 500
/** What was counted and not written yet is waited for longer, and long enough to tell what is lost: nobody could count it anew. */
const countedMilliseconds = 8_000

/** Opens the database and all that a process needs to call operations; runs no jobs and listens to nothing. */
export async function openParts(config: InstallationConfig, options: OpenOptions): Promise<InstallationParts> {
  const { logger = createLogger({ level: config.LOG_LEVEL }), prepare, join } = options
  // Read first: a faulty catalogue must not cost the start of a database.
  const catalogue = loadCatalogue(config.PLAN_CATALOGUE)
  const storage = await openStorage(config, { logger, prepare, join })
  const metrics = createMetrics()
  const database = await openDatabase({
    appUrl: storage.appUrl,
    platformUrl: storage.platformUrl,
    entities,
    signingKey: storage.signingKey,
    poolSize: config.DATABASE_POOL_SIZE,
    pooler: config.DATABASE_POOLER,
    statementTimeoutMilliseconds: config.STATEMENT_TIMEOUT_MS,
    idleTimeoutMilliseconds: config.DATABASE_IDLE_TIMEOUT_MS,
    lifetimeMilliseconds: config.DATABASE_LIFETIME_MS,
  })
  metrics.registerPool('application', database.pool)
  const { redis, parts } = await openSharedState(config, { logger, metrics, clock: systemClock })
  const dependencies = createDependencies({
    clock: systemClock,
    logger,
    metrics,
    database,
    authenticator: options.authenticator(storage),
    sealer: createSealer(storage.encryptionKeys),
    // Of the database, not of the command that started this: the keys in it must outlive that.
    apiKeyTexts: createApiKeyTexts(config.embedded ? 'dev' : 'live', storage.encryptionKeys),
    catalogue,
    readCatalogue: () => readCatalogue(config.PLAN_CATALOGUE),
    replacesCatalogue: options.replacesCatalogue ?? false,
    ...(options.platformAccess === undefined ? {} : { platformAccess: options.platformAccess }),
    mailer: options.mailer ?? null,
    ...(options.publicUrl === undefined ? {} : { publicUrl: options.publicUrl }),
    onboarding: { region: config.REGION, selfService: options.selfServiceSignUp ?? false },
    deletionRetentionDays: config.DELETION_RETENTION_DAYS,
    ...(options.streams === undefined ? {} : { streams: options.streams }),
    ...parts,
  })
  return {
    dependencies,
    database,
    metrics,
    redis,
    storage,
    close: async (...others) => {
      // A statement that will not end is cut short by its server or by the end of this process.
      const { background, services } = dependencies
      const { apiCalls, apiKeys, metering, sightings } = services
      const counted = metering.close(apiCalls.close())
      await Promise.race([counted, delay(countedMilliseconds, undefined, { ref: false })])
      const written = Promise.all([background.settled(), apiKeys.flush(), sightings.flush(), counted])
      const ended = written.then(() => database.close())
      const closed = Promise.allSettled([...others.map((close) => close()), ended, redis?.close()])
      await Promise.race([closed, delay(closeMilliseconds, undefined, { ref: false })])
      await storage.close()
    },
  }
}
