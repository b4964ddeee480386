import { expect, test } from 'vitest'
import { createMetrics } from './metrics.ts'

test('operations, refusals and cache reads are counted by their labels', async () => {
  const metrics = createMetrics()
  metrics.operation('tenants.info', 200, 0.004)
  metrics.operation('tenants.info', 200, 0.3)
  metrics.rateLimited('read')
  metrics.denied('tenant.not_found')
  metrics.cacheHit('info')
  metrics.cacheMiss('info')

  const text = await metrics.text()
  expect(text).toContain(
    'tenantry_operation_duration_seconds_bucket{le="0.005",operation="tenants.info",status="200"} 1',
  )
  expect(text).toContain('tenantry_operation_duration_seconds_count{operation="tenants.info",status="200"} 2')
  expect(text).toContain('tenantry_rate_limited_total{limit="read"} 1')
  expect(text).toContain('tenantry_denied_total{code="tenant.not_found"} 1')
  expect(text).toContain('tenantry_cache_requests_total{name="info",result="hit"} 1')
  expect(text).toContain('tenantry_cache_requests_total{name="info",result="miss"} 1')
})

test('a pool is read at the moment the metrics are asked for', async () => {
  const metrics = createMetrics()
  const counts = { total: 1, idle: 1, waiting: 0 }
  metrics.registerPool('application', () => counts)
  counts.waiting = 7
  expect(await metrics.text()).toContain('tenantry_database_pool_connections{pool="application",state="waiting"} 7')
})

test('two services in one process count apart', async () => {
  const [one, other] = [createMetrics(), createMetrics()]
  one.denied('auth.blocked')
  expect(await one.text()).toContain('auth.blocked')
  expect(await other.text()).not.toContain('auth.blocked')
})

test('the state of the process is among the metrics', async () => {
  expect(await createMetrics().text()).toContain('process_resident_memory_bytes')
})
