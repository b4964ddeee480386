import { createHash, timingSafeEqual } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { pendingMigrations } from '@tenantry/control-plane/migrate'
import type { Metrics } from '@tenantry/kernel/observability/metrics'
import type { RedisConnection } from '@tenantry/kernel/redis/connection'
import type { OpenDatabase } from '@tenantry/kernel/tenancy/unit-of-work'
import { type RequestHandler, Router } from 'express'

export interface HealthOptions {
  database: OpenDatabase
  metrics: Metrics
  /** Null where there is none, and one process serves alone. */
  redis: Pick<RedisConnection, 'isUp'> | null
  /** Without one, only development answers /metrics. */
  metricsToken: string | undefined
  development: boolean
  draining(): boolean
  /** Whether another process has a newer plan catalogue than the file of this one. */
  hasOldCatalogue(): boolean
}

const patienceMilliseconds = 2_000

/** `/livez`: the process runs. `/readyz`: it can serve. `/metrics`: Prometheus. */
export function mountHealth(options: HealthOptions): Router {
  const router = Router()
  router.get('/livez', (_request, response) => {
    response.json({ status: 'ok' })
  })
  router.get('/readyz', async (_request, response) => {
    const checks = {
      ...(await inspect(options.database)),
      redis: redisState(options.redis),
      catalogue: options.hasOldCatalogue() ? 'outdated' : 'ok',
      draining: options.draining(),
    }
    const ready = checks.database === 'ok' && checks.migrations === 'ok' && !checks.draining
    response.status(ready ? 200 : 503).json({ status: ready ? 'ok' : 'unavailable', checks })
  })
  router.get('/metrics', allowMetrics(options), async (_request, response) => {
    response.type('text/plain; version=0.0.4').send(await options.metrics.text())
  })
  return router
}

/** Whatever it is, the process can serve. */
function redisState(redis: HealthOptions['redis']): 'ok' | 'degraded' | 'absent' {
  if (redis === null) return 'absent'
  return redis.isUp() ? 'ok' : 'degraded'
}

interface DatabaseState {
  database: 'ok' | 'unavailable'
  migrations: 'ok' | 'pending' | 'unknown'
}

const gone: DatabaseState = { database: 'unavailable', migrations: 'unknown' }

/** Silence counts as absence: whoever asks would not wait for a database that lost its network. */
function inspect(database: OpenDatabase): Promise<DatabaseState> {
  const answer = database.appliedMigrations().then(
    (applied): DatabaseState => ({
      database: 'ok',
      migrations: pendingMigrations(applied).length === 0 ? 'ok' : 'pending',
    }),
    () => gone,
  )
  return Promise.race([answer, delay(patienceMilliseconds, gone, { ref: false })])
}

function allowMetrics({ metricsToken, development }: HealthOptions): RequestHandler {
  return (request, response, next) => {
    if (metricsToken === undefined) {
      if (development) return next()
      response.status(404).end()
      return
    }
    const given = /^Bearer +(\S+)$/i.exec(request.get('authorization') ?? '')?.[1] ?? ''
    if (timingSafeEqual(digest(given), digest(metricsToken))) return next()
    response.status(401).set('WWW-Authenticate', 'Bearer').end()
  }
}

const digest = (text: string) => createHash('sha256').update(text).digest()
