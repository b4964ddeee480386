import { expect, test } from 'vitest'
import { adminSession, outcome } from './admin-session.ts'
import type { Sending } from './http.ts'

const session = adminSession()
const { call } = session
const post = (path: string, sending: Sending) =>
  call(`/tenants/${session.tenant.slug}/runs${path}`, { method: 'POST', ...sending })
const start = (workload: string, headers: Record<string, string> = {}) => post('', { json: { workload }, headers })

test('a start without a free slot is answered 429 with the limit in the way, and when to come again', async () => {
  const { limits } = (await call('/tenants/current/limits')).json
  const { limit } = limits.find(({ meter }: { meter: string }) => meter === 'concurrent_pipelines')
  const started = await Promise.all(Array.from({ length: limit }, (_, n) => start(`pipeline ${n}`)))
  expect(started.map(outcome)).toEqual(started.map(() => expect.stringMatching(/^201/)))

  const refused = await start('one too many', { 'idempotency-key': 'patient' })
  expect(outcome(refused)).toBe('429 usage.limit_exceeded')
  const seconds = Number(refused.headers['retry-after'])
  expect(seconds).toBeGreaterThan(0)
  expect(seconds).toBeLessThanOrEqual(60)
  const ends = started.map(({ json }) => json.leaseExpiresAt as string).toSorted()
  expect(refused.json).toMatchObject({
    meter: 'concurrent_pipelines',
    limit,
    used: limit,
    resetsAt: ends[0],
    retryAfterSeconds: seconds,
  })

  const [first] = started
  expect((await post(`/${first?.json.id}/heartbeat`, { json: {} })).json).toMatchObject({ state: 'running' })
  expect((await post(`/${first?.json.id}/complete`, { json: { outcome: 'not_started' } })).status).toBe(200)
  // Nothing was taken by what was refused, not even its key.
  expect((await start('one too many', { 'idempotency-key': 'patient' })).json).toMatchObject({ replayed: false })
  expect((await start('one too many', { 'idempotency-key': 'patient' })).json).toMatchObject({ replayed: true })
  const { meters } = (await call('/tenants/current/usage')).json
  expect(meters.find(({ meter }: { meter: string }) => meter === 'pipeline_runs').used).toBe(limit)
  const page = await call('/tenants/current/runs?limit=2')
  expect(page.headers.link).toContain('rel="next"')
  expect(page.json.totals).toMatchObject({ started: limit + 1, running: limit, notStarted: 1 })
})
