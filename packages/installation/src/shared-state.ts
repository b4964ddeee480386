import { createMemoryBus } from '@tenantry/kernel/bus/memory-bus'
import { createRedisBus } from '@tenantry/kernel/bus/redis-bus'
import { createSharedEntries } from '@tenantry/kernel/cache/shared-entries'
import { createTenantCache } from '@tenantry/kernel/cache/tenant-cache'
import type { Clock } from '@tenantry/kernel/context/clock'
import type { Dependencies, Services } from '@tenantry/kernel/context/dependencies'
import type { Metrics } from '@tenantry/kernel/observability/metrics'
import { type BlockDetails, createAbuseGuard } from '@tenantry/kernel/rate-limit/abuse-guard'
import { createFailureBlock } from '@tenantry/kernel/rate-limit/failure-block'
import { createRateLimits } from '@tenantry/kernel/rate-limit/rate-limits'
import { createSharedFailureBlock } from '@tenantry/kernel/rate-limit/shared-failure-block'
import { createSharedRateLimits } from '@tenantry/kernel/rate-limit/shared-rate-limits'
import { openRedis, type RedisConnection } from '@tenantry/kernel/redis/connection'
import type { InstallationConfig } from './environment.ts'

export interface SharedState {
  /** Null where one process serves alone. */
  redis: RedisConnection | null
  parts: Pick<Dependencies, 'rateLimits' | 'failureBlock' | 'abuseGuard'> & Pick<Services, 'bus' | 'cache'>
}

interface Surroundings {
  logger: Dependencies['logger']
  metrics: Metrics
  clock: Clock
}

const cachedItems = 100_000

/** What the processes of an installation share through Redis, or its only process keeps by itself. */
export async function openSharedState(
  { REDIS_URL: url }: Pick<InstallationConfig, 'REDIS_URL'>,
  surroundings: Surroundings,
): Promise<SharedState> {
  const { logger, metrics, clock } = surroundings
  const cacheOptions = { clock, maxItems: cachedItems, onHit: metrics.cacheHit, onMiss: metrics.cacheMiss }
  if (url === undefined) {
    const rateLimits = createRateLimits()
    const openBlock = (details: Partial<BlockDetails> = {}) => createFailureBlock({ clock, ...details })
    const parts = {
      bus: createMemoryBus(logger),
      cache: createTenantCache(cacheOptions),
      rateLimits,
      failureBlock: openBlock(),
      abuseGuard: createAbuseGuard({ clock, rateLimits, openBlock }),
    }
    return { redis: null, parts }
  }
  const redis = await openRedis({ url, logger, onError: metrics.redisError })
  metrics.registerRedis(redis.isUp)
  const bus = createRedisBus(redis, logger)
  const rateLimits = createSharedRateLimits(redis)
  const parts = {
    bus,
    cache: createTenantCache({ ...cacheOptions, shared: createSharedEntries(redis) }),
    rateLimits,
    failureBlock: createSharedFailureBlock({ redis, bus, clock, kind: 'address' }),
    abuseGuard: createAbuseGuard({
      clock,
      rateLimits,
      openBlock: (details) => createSharedFailureBlock({ redis, bus, clock, ...details }),
    }),
  }
  return { redis, parts }
}
