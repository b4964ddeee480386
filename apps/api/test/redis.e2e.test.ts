import { setTimeout as delay } from 'node:timers/promises'
import { operator } from '@tenantry/control-plane/testing'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import { bearer } from './http.ts'
import { openProductionApi } from './production-api.ts'
import type { ProductionProcess } from './production-process.ts'
import { startRedisLoad } from './redis-load.ts'
import { metric, metricsToken, openRedisSite, type RedisSite, redisState } from './redis-site.ts'

vi.setConfig({ testTimeout: 60_000 })

const program = inject('redisServer')
const currentTenant = '/api/v1/tenants/current'
const rounds = inject('soak') ? 400 : 20
const outages = inject('soak') ? 3 : 1
const outageMilliseconds = inject('soak') ? 60_000 : 1_200

describe.skipIf(program === null)('processes that share a database and a Redis', () => {
  let site: RedisSite
  beforeAll(async () => {
    site = await openRedisSite(program)
  })
  afterAll(() => site.close())

  const startTwo = (environment = {}) => Promise.all([site.start(environment), site.start(environment)])

  test('a change made at one is seen at the other within a second, every time', {
    timeout: rounds * 3_000,
    tags: 'soak',
  }, async () => {
    const [one, other] = await startTwo(site.generous)
    const { tenant, headers } = await site.createOwner()
    const nameAt = async (api: ProductionProcess) => (await api.send(currentTenant, { headers })).json.name
    const usedAt = async (api: ProductionProcess) =>
      (await api.send(`${currentTenant}/usage`, { headers })).json.tokensUsed
    const staleness: number[] = []
    const seen = async (read: () => Promise<unknown>, expected: unknown) => {
      const answeredAt = performance.now()
      await expect.poll(read, { interval: 5, timeout: 5_000 }).toBe(expected)
      staleness.push(performance.now() - answeredAt)
    }

    for (let round = 1; round <= rounds; round += 1) {
      const [here, there] = round % 2 ? [one, other] : [other, one]
      const name = `Round ${round}`
      await Promise.all([nameAt(here), nameAt(there), usedAt(here), usedAt(there)])
      const change =
        round % 3 === 0
          ? { path: `${currentTenant}/settings`, method: 'PUT' }
          : { path: `/api/v1/tenants/${tenant.id}`, method: 'PATCH' }
      const { status } = await here.send(change.path, { method: change.method, json: { name }, headers })
      expect(status).toBe(200)
      await seen(() => nameAt(there), name)
      await here.send(`${currentTenant}/usage`, { json: { metric: 'tokens' }, headers })
      await seen(() => usedAt(there), round)
    }
    expect(Math.max(...staleness)).toBeLessThan(1_000)

    // It was a cache that answered.
    const hits = () => metric(other, 'tenantry_cache_requests_total{name="info",result="hit"}')
    const before = await hits()
    for (let read = 0; read < 20; read += 1) await nameAt(other)
    expect((await hits()) - before).toBeGreaterThanOrEqual(19)
  })

  test('a budget is one for all of them, to the last call, and so is the block of who fails too often', async () => {
    const [one, other] = await startTwo()
    const { headers } = await site.createOwner()
    const calls = Array.from({ length: 80 }, () => [one, other].map((api) => api.send(currentTenant, { headers })))
    const replies = await Promise.all(calls.flat())
    const statuses = Object.groupBy(replies, ({ status }) => status)
    expect([statuses[200]?.length, statuses[429]?.length]).toEqual([100, 60])

    const fail = async (api: ProductionProcess) =>
      (await api.send(currentTenant, { headers: bearer('no.valid.token') })).json.code
    for (let failure = 0; failure < 5; failure += 1) {
      expect([await fail(one), await fail(other)]).toEqual(['auth.unauthenticated', 'auth.unauthenticated'])
    }
    expect(await fail(one)).toBe('auth.blocked')
    await expect.poll(() => fail(other), { timeout: 1_000 }).toBe('auth.blocked')
  })

  test('API calls count at all of them, are refused at all of them, and are all there once they have ended', async () => {
    const [one, other] = await startTwo(site.generous)
    const [free, limited] = await Promise.all([site.createOwner(), site.createOwner()])
    const overrides = { api_calls: { value: 10 } }
    const order = { tenantId: limited.tenant.id, overrides, reason: 'A test' }
    await site.installation.callerAs(operator).limits.setOverrides(order)
    const statusAt = async (api: ProductionProcess) =>
      (await api.send(currentTenant, { headers: limited.headers })).status
    for (const api of [one, other]) await expect.poll(() => statusAt(api), { timeout: 10_000 }).toBe(429)

    const rounds = Array.from({ length: 20 }, () => [one, other])
    const replies = await Promise.all(rounds.flat().map((api) => api.send(currentTenant, free)))
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]))
    const ends = await Promise.all([one.stop('SIGTERM'), other.stop('SIGTERM')])
    expect(ends.map(({ code }) => code)).toEqual([0, 0])
    const onlooker = site.installation.callerAs({ type: 'service', name: 'onlooker' }, free.tenant.id)
    expect((await onlooker.tenants.usage()).apiCallsToday).toBe(40)
  })

  test('Redis hangs, dies and comes back: all are answered, in time and with what is true', {
    timeout: outages * 2 * outageMilliseconds + 60_000,
    tags: 'soak',
  }, async () => {
    const processes = await startTwo(site.generous)
    const { tenant, headers } = await site.createOwner()
    const states = () => Promise.all(processes.map(redisState))
    const all = (state: string) => expect.poll(states, { timeout: 5_000 }).toEqual([state, state])
    await all('ok')
    const load = startRedisLoad(processes, tenant.id, headers)
    await delay(500)

    for (let outage = 1; outage <= outages; outage += 1) {
      site.redis.freeze()
      await all('degraded')
      await delay(outageMilliseconds)
      site.redis.thaw()
      await all('ok')
      await delay(500)

      await site.redis.kill()
      await all('degraded')
      expect(await metric(processes[0], 'tenantry_redis_up')).toBe(0)
      expect(await metric(processes[0], 'tenantry_redis_errors_total')).toBeGreaterThan(0)
      await delay(outageMilliseconds)
      await site.redis.restart()
      await all('ok')
      expect(await metric(processes[0], 'tenantry_redis_up')).toBe(1)
      await delay(500)
    }

    await load.stop()
    expect(load.faults).toEqual([])
    expect(load.longestMilliseconds).toBeLessThan(3_000)
    expect(load.calls).toBeGreaterThan(100)
    for (const api of processes) {
      const used = async () => (await api.send(`${currentTenant}/usage`, { headers })).json.tokensUsed
      await expect.poll(used, { timeout: 1_000 }).toBe(load.tracked)
      expect(api.log().filter(({ level }) => level === 'error')).toEqual([])
    }
  })

  test('one that starts while Redis is not there serves, and joins in once it is', async () => {
    await site.redis.kill()
    const api = await openProductionApi({ REDIS_URL: site.redis.url, METRICS_TOKEN: metricsToken })
    onTestFinished(() => api.close())
    expect(await redisState(api)).toBe('degraded')
    expect(await api.send('/api/v1/me', { headers: await api.signedIn('person@people.test') })).toMatchObject({
      status: 200,
    })
    await site.redis.restart()
    await expect.poll(() => redisState(api), { timeout: 5_000 }).toBe('ok')
    expect(await metric(api, 'tenantry_redis_up')).toBe(1)
  })
})
