import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { loadCatalogue } from '@tenantry/control-plane/capabilities/plan/index'
import { createDependencies } from '@tenantry/control-plane/dependencies'
import { entities } from '@tenantry/control-plane/entities'
import { scheduledJobs } from '@tenantry/control-plane/jobs'
import { developmentIssuerName } from '@tenantry/control-plane/seeds'
import { createDevelopmentIssuer, type DevelopmentIssuer } from '@tenantry/kernel/authentication/development-issuer'
import { discoverIssuer } from '@tenantry/kernel/authentication/issuer-keys'
import { createTokenVerifier, type TrustedIssuer } from '@tenantry/kernel/authentication/token-verifier'
import { systemClock } from '@tenantry/kernel/context/clock'
import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import { createApiKeyTexts } from '@tenantry/kernel/crypto/api-key-text'
import { createSealer } from '@tenantry/kernel/crypto/sealer'
import { startJobs } from '@tenantry/kernel/jobs/jobs'
import { createLogger } from '@tenantry/kernel/observability/logger'
import { createMetrics, type Metrics } from '@tenantry/kernel/observability/metrics'
import type { RedisConnection } from '@tenantry/kernel/redis/connection'
import { type OpenDatabase, openDatabase } from '@tenantry/kernel/tenancy/unit-of-work'
import type { Config } from './config.ts'
import { openEmbedded } from './embedded.ts'
import { openSharedState } from './shared-state.ts'

/** Everything a process holds, and how it lets go of it. */
export interface Installation {
  dependencies: Dependencies
  database: OpenDatabase
  metrics: Metrics
  /** Null where one process serves alone. */
  redis: RedisConnection | null
  developmentIssuer: DevelopmentIssuer | null
  close(): Promise<void>
}

const closeMilliseconds = 500

export async function openInstallation(config: Config): Promise<Installation> {
  const logger = createLogger({ level: config.LOG_LEVEL })
  // Read first: a faulty catalogue must not cost the start of a database.
  const catalogue = loadCatalogue(config.PLAN_CATALOGUE)
  const storage = config.embedded ? await openEmbedded(resolve(config.DATA_DIR), logger) : externalStorage(config)
  const metrics = createMetrics()
  const database = await openDatabase({
    appUrl: storage.appUrl,
    platformUrl: storage.platformUrl,
    entities,
    signingKey: storage.signingKey,
    poolSize: config.DATABASE_POOL_SIZE,
    statementTimeoutMilliseconds: config.STATEMENT_TIMEOUT_MS,
    idleTimeoutMilliseconds: config.DATABASE_IDLE_TIMEOUT_MS,
    lifetimeMilliseconds: config.DATABASE_LIFETIME_MS,
  })
  metrics.registerPool('application', database.pool)
  const developmentIssuer =
    config.developmentIssuer && 'developmentKey' in storage
      ? createDevelopmentIssuer({
          issuer: developmentIssuerName,
          audience: 'tenantry',
          key: storage.developmentKey,
          clock: systemClock,
        })
      : null
  const { redis, parts } = await openSharedState(config, { logger, metrics, clock: systemClock })
  const dependencies = createDependencies({
    clock: systemClock,
    logger,
    metrics,
    database,
    authenticator: createTokenVerifier({ issuers: trustedIssuers(config, developmentIssuer), clock: systemClock }),
    sealer: createSealer(storage.encryptionKeys),
    // Of the database, not of the command that started this: the keys in it must outlive that.
    apiKeyTexts: createApiKeyTexts(config.embedded ? 'dev' : 'live', storage.encryptionKeys),
    catalogue,
    streams: { heartbeatMilliseconds: config.STREAM_HEARTBEAT_MS, streamsPerTenant: config.STREAMS_PER_TENANT },
    ...parts,
  })
  const jobs = await startJobs({ jobsUrl: storage.jobsUrl, logger, jobs: scheduledJobs(dependencies) })
  return {
    dependencies,
    database,
    metrics,
    redis,
    developmentIssuer,
    close: async () => {
      // A statement that will not end is cut short by its server or by the end of this process.
      const ended = dependencies.services.apiKeys.flush().then(() => database.close())
      const closed = Promise.allSettled([jobs.stop(), ended, redis?.close()])
      await Promise.race([closed, delay(closeMilliseconds, undefined, { ref: false })])
      await storage.server?.stop()
    },
  }
}

function externalStorage(config: Config) {
  const { DATABASE_URL, PLATFORM_DATABASE_URL, JOBS_DATABASE_URL, CONTEXT_SIGNING_KEYS, ENCRYPTION_KEYS } = config
  const [signing] = CONTEXT_SIGNING_KEYS ?? []
  // readConfig has refused a configuration without them.
  if (!DATABASE_URL || !PLATFORM_DATABASE_URL || !JOBS_DATABASE_URL || !signing || !ENCRYPTION_KEYS)
    throw new Error('incomplete')
  return {
    server: null,
    appUrl: DATABASE_URL,
    platformUrl: PLATFORM_DATABASE_URL,
    jobsUrl: JOBS_DATABASE_URL,
    signingKey: { kid: signing.id, secret: signing.key },
    encryptionKeys: ENCRYPTION_KEYS,
  }
}

function trustedIssuers(config: Config, developmentIssuer: DevelopmentIssuer | null): TrustedIssuer[] {
  const [name = '', value = ''] = config.PLATFORM_ADMIN_CLAIM.split(/=(.*)/)
  const { OIDC_ISSUER: issuer, OIDC_AUDIENCE: audience } = config
  const external =
    issuer && audience ? [{ issuer, audience, keys: discoverIssuer(issuer), platformAdminClaim: { name, value } }] : []
  return [...external, ...(developmentIssuer ? [developmentIssuer] : [])]
}
