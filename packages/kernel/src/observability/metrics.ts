import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { PipelineMetrics } from '../context/pipeline-metrics.ts'

export interface PoolCounts {
  total: number
  idle: number
  /** Callers that wait for a connection. */
  waiting: number
}

export interface Metrics extends PipelineMetrics {
  cacheHit(name: string): void
  cacheMiss(name: string): void
  /** Reads the counts of a connection pool whenever the metrics are asked for. */
  registerPool(pool: string, count: () => PoolCounts): void
  /** Asks whether Redis answers whenever the metrics are asked for. */
  registerRedis(isUp: () => boolean): void
  redisError(): void
  registry: Registry
  contentType: string
  /** The Prometheus exposition text. */
  text(): Promise<string>
}

const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })

  const durations = new Histogram({
    name: 'tenantry_operation_duration_seconds',
    help: 'Time an operation took, by operation and HTTP status.',
    labelNames: ['operation', 'status'],
    buckets: durationBuckets,
    registers,
  })
  const auditFailures = new Counter({
    name: 'tenantry_audit_failures_total',
    help: 'Audit entries of refused attempts and of operators that could not be written.',
    labelNames: ['action'],
    registers,
  })
  const cacheRequests = new Counter({
    name: 'tenantry_cache_requests_total',
    help: 'Reads of the tenant cache.',
    labelNames: ['name', 'result'],
    registers,
  })
  const redisErrors = new Counter({
    name: 'tenantry_redis_errors_total',
    help: 'Commands that Redis did not answer, and attempts to reach it that failed.',
    registers,
  })

  return {
    operation: (operation, status, seconds) => durations.observe({ operation, status }, seconds),
    ...createRefusalCounters(registers),
    auditFailed: (action) => auditFailures.inc({ action }),
    cacheHit: (name) => cacheRequests.inc({ name, result: 'hit' }),
    cacheMiss: (name) => cacheRequests.inc({ name, result: 'miss' }),
    batchWritten: createBatchHistograms(registry),
    registerQueue: createQueueGauge(registry),
    registerPool: createPoolGauge(registry),
    registerRedis: (isUp) => createRedisGauge(registry, isUp),
    redisError: () => redisErrors.inc(),
    registry,
    contentType: registry.contentType,
    text: () => registry.metrics(),
  }
}

function createBatchHistograms(registry: Registry): Metrics['batchWritten'] {
  const registers = [registry]
  const sizes = new Histogram({
    name: 'tenantry_usage_batch_items',
    help: 'Events of usage that one call has written.',
    buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500],
    registers,
  })
  const calls = new Histogram({
    name: 'tenantry_usage_batch_seconds',
    help: 'Time a call that writes usage took.',
    buckets: durationBuckets,
    registers,
  })
  const waits = new Histogram({
    name: 'tenantry_usage_wait_seconds',
    help: 'Time from the arrival of the oldest event of a batch to its answer.',
    buckets: durationBuckets,
    registers,
  })
  return ({ items, seconds, oldestSeconds }) => {
    sizes.observe(items)
    calls.observe(seconds)
    waits.observe(oldestSeconds)
  }
}

function createQueueGauge(registry: Registry): Metrics['registerQueue'] {
  const queues = new Map<string, () => number>()
  new Gauge({
    name: 'tenantry_queue_items',
    help: 'What waits in a queue of this process.',
    labelNames: ['queue'],
    registers: [registry],
    collect() {
      for (const [queue, count] of queues) this.set({ queue }, count())
    },
  })
  return (queue, count) => {
    queues.set(queue, count)
  }
}

type RefusalCounters = Pick<Metrics, 'rateLimited' | 'quotaRefused' | 'principalBlocked' | 'denied'>

function createRefusalCounters(registers: Registry[]): RefusalCounters {
  const rateLimited = new Counter({
    name: 'tenantry_rate_limited_total',
    help: 'Calls refused by a rate limit.',
    labelNames: ['limit'],
    registers,
  })
  const quotaRefused = new Counter({
    name: 'tenantry_quota_refused_total',
    help: 'Calls refused since a meter of their tenant was used up.',
    labelNames: ['meter'],
    registers,
  })
  const principalsBlocked = new Counter({
    name: 'tenantry_principals_blocked_total',
    help: 'Blocks of people and API keys that began, by what they are blocked for.',
    labelNames: ['reason'],
    registers,
  })
  const denied = new Counter({
    name: 'tenantry_denied_total',
    help: 'Calls refused for who made them, by error code.',
    labelNames: ['code'],
    registers,
  })
  return {
    rateLimited: (limit) => rateLimited.inc({ limit }),
    quotaRefused: (meter) => quotaRefused.inc({ meter }),
    principalBlocked: (reason) => principalsBlocked.inc({ reason }),
    denied: (code) => denied.inc({ code }),
  }
}

function createRedisGauge(registry: Registry, isUp: () => boolean): void {
  new Gauge({
    name: 'tenantry_redis_up',
    help: '1 while Redis answers, 0 while this process goes on without it.',
    registers: [registry],
    collect() {
      this.set(isUp() ? 1 : 0)
    },
  })
}

function createPoolGauge(registry: Registry): Metrics['registerPool'] {
  const pools = new Map<string, () => PoolCounts>()
  new Gauge({
    name: 'tenantry_database_pool_connections',
    help: 'Connections of a database pool, and callers waiting for one.',
    labelNames: ['pool', 'state'],
    registers: [registry],
    collect() {
      for (const [pool, count] of pools) {
        for (const [state, value] of Object.entries(count())) this.set({ pool, state }, value)
      }
    },
  })
  return (pool, count) => {
    pools.set(pool, count)
  }
}
