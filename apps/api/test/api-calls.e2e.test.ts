import { createTestClock } from '@tenantry/control-plane/capabilities/usage/service.fixture'
import { operator } from '@tenantry/control-plane/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestApi, type TestApi } from './api-server.ts'
import { bearer, type Reply, type Sending } from './http.ts'

const clock = createTestClock('2026-11-21T10:00:00Z')

let api: TestApi
beforeAll(async () => {
  api = await openTestApi({ clock })
})
afterAll(() => api.close())

/** A tenant of its own, its owner's token and a key; `limit` is how many calls it has a day. */
async function enter({ plan = 'business', limit }: { plan?: string; limit?: number } = {}) {
  const { tenant, user, caller } = await api.installation.enter({ plan })
  const { key } = await caller.apiKeys.create({
    tenantId: 'current',
    name: 'Scheduler',
    scopes: ['tenant:read', 'usage:read', 'usage:write', 'usage:adjust'],
  })
  const platform = api.installation.callerAs(operator, tenant.id)
  const override = (value: number | null) =>
    platform.limits.setOverrides({
      tenantId: tenant.id,
      overrides: { api_calls: value === null ? null : { value } },
      reason: 'Preparation',
    })
  if (limit !== undefined) await override(limit)
  const owner = bearer(await api.tokenOf(user))
  const call = (path = '/tenants/current', sending: Sending = {}) =>
    api.rest(path, { ...sending, headers: { ...owner, ...sending.headers } })
  return { tenant, user, caller, platform, override, owner, keyed: { 'x-api-key': key }, call }
}

const services = () => api.installation.dependencies.services
const flush = () => services().apiCalls.flush()
const asService = { type: 'service', name: 'onlooker' } as const

/** What everybody sees once the engine has counted; asked in process, which counts nothing. */
async function counted({ tenant }: { tenant: { id: string } }) {
  await flush()
  await services().metering.remembered(tenant.id)
  return (await api.installation.callerAs(asService, tenant.id).tenants.usage()).apiCallsToday
}

const problemOf = ({ json }: Reply) => (Array.isArray(json) ? json[0] : json).error.json.data.problem
const statuses = (replies: Reply[]) => replies.map(({ status }) => status)

describe('what counts as a call', () => {
  test('each by REST and tRPC, by people and keys, and each of a batch', async () => {
    const world = await enter()
    const { call, keyed, owner, tenant } = world
    expect(statuses([await call(), await call(`/tenants/${tenant.slug}`)])).toEqual([200, 200])
    expect(statuses([await api.rest('/tenants/current', { headers: keyed })])).toEqual([200])
    const batch = '/trpc/tenants.info,tenants.limits,tenants.info?batch=1'
    expect(statuses([await api.send(batch, { headers: owner })])).toEqual([200])
    expect(statuses([await api.send('/trpc/tenants.info', { headers: keyed })])).toEqual([200])
    expect(await counted(world)).toBe(7)

    // One event of each flush, in the tenant's own ledger: seconds, not calls.
    const { items } = await world.caller.usage.events({ tenantId: tenant.id, metric: 'api_calls' })
    expect(items.reduce((sum, { amount }) => sum + amount, 0)).toBe(7)
    expect(items.length).toBeLessThan(7)
  })

  test('also what is refused for its input or its scope, for somebody had to look at it', async () => {
    const world = await enter()
    const invalid = await world.call('/tenants/current/settings', { method: 'PUT', json: { settings: { no: {} } } })
    const unknown = await world.call('/tenants/current/usage/events?metric=no_such_meter')
    expect(statuses([invalid, unknown])).toEqual([422, 404])
    expect(await counted(world)).toBe(2)
  })

  test('not the reporting of usage, questions of access, what concerns no tenant, operators, or who is not let in', async () => {
    const world = await enter()
    const { call, keyed, tenant } = world
    const usage = (path = '', json: object = { metric: 'tokens' }) =>
      api.rest(`/tenants/current/usage${path}`, { headers: keyed, json })
    const operators = bearer(await api.issuer.sign({ email: 'admin@platform.test', platformAdmin: true }))
    const stranger = await api.signedIn(await api.installation.createUser())
    const viewer = await api.installation.createMember(tenant.id, 'viewer')
    const replies = [
      await usage(),
      await usage('/consume'),
      await usage('/batch', { events: [{ metric: 'tokens' }] }),
      await call(`/tenants/${tenant.slug}/access/check`, { json: { permission: 'tenant:read' } }),
      await call(`/tenants/${tenant.slug}/usage/check?metric=tokens`),
      await call('/me'),
      await call('/plans'),
      await api.send('/readyz'),
      await api.send('/api/openapi.json'),
      await api.rest(`/tenants/${tenant.slug}`, { headers: operators }),
      await api.rest(`/tenants/${tenant.slug}`, { headers: stranger }),
      await api.rest(`/tenants/${tenant.slug}/audit-log-nothing`, { headers: await api.signedIn(viewer) }),
    ]
    expect(statuses(replies)).toEqual([201, 201, 200, 200, 200, 200, 200, 200, 200, 200, 404, 404])
    await world.caller.tenants.info()
    expect(await counted(world)).toBe(0)
  })

  test('not what a rate limit has refused', async () => {
    const world = await enter()
    await world.platform.tenants.updateSettings({ settings: { rateLimits: { requestsPerMinute: 3 } } })
    const replies = await Promise.all(Array.from({ length: 8 }, () => world.call()))
    expect(statuses(replies).filter((status) => status === 200)).toHaveLength(3)
    expect(await counted(world)).toBe(3)
  })
})

describe('a tenant that has used up its calls', () => {
  /** Five calls of five. */
  async function exhaust() {
    const world = await enter({ limit: 5 })
    await flush()
    for (let made = 0; made < 5; made += 1) expect((await world.call()).status).toBe(200)
    expect(await counted(world)).toBe(5)
    return world
  }

  test('is refused on every door until the day ends, and what is refused does not count', async () => {
    const world = await exhaust()
    const { call, keyed, owner, tenant } = world
    const refused = await call()
    const problem = {
      status: 429,
      code: 'usage.limit_exceeded',
      meter: 'api_calls',
      limit: 5,
      hardLimit: 5,
      used: 5,
      remaining: 0,
      resetsAt: '2026-11-22T00:00:00.000Z',
      retryAfterSeconds: 14 * 3_600,
    }
    expect(refused.json).toMatchObject(problem)
    expect(refused.headers).toMatchObject({
      'retry-after': '50400',
      ratelimit: '"api_calls";r=0;t=50400',
      'ratelimit-policy': '"api_calls";q=5;w=86400',
    })
    const byKey = await api.rest(`/tenants/${tenant.slug}`, { headers: keyed })
    const byTrpc = await api.send('/trpc/tenants.info', { headers: owner })
    expect(byKey.json).toMatchObject(problem)
    expect(problemOf(byTrpc)).toMatchObject(problem)
    expect(byTrpc.headers['retry-after']).toBe('50400')
    expect(await counted(world)).toBe(5)
    await expect(world.caller.tenants.info()).resolves.toMatchObject({ id: tenant.id })
    const metrics = await api.send('/metrics')
    expect(metrics.text).toMatch(/tenantry_quota_refused_total\{meter="api_calls"\} \d+/)

    clock.set('2026-11-22T00:00:00Z')
    const nextDay = { headers: bearer(await api.tokenOf(world.user)) }
    expect((await call('/tenants/current', nextDay)).status).toBe(200)
    clock.set('2026-11-21T10:00:00Z')
  })

  test('still reads its usage, limits and plans, reports usage, and asks for more', async () => {
    const { call, tenant } = await exhaust()
    const own = `/tenants/${tenant.slug}`
    const replies = [
      await call('/tenants/current/usage'),
      await call(`${own}/access/check`, { json: { meter: 'tokens' } }),
      await call(`${own}/usage/check?metric=tokens`),
      await call(`${own}/usage/events`),
      await call(`${own}/usage/trends`),
      await call('/tenants/current/limits'),
      await call(`${own}/limits/requests`),
      await call(`${own}/limits/requests`, { json: { meter: 'api_calls', value: 10, reason: 'We grow' } }),
      await call('/plans'),
      await call('/me'),
      await call(`${own}/usage`, { json: { metric: 'tokens' } }),
    ]
    expect(statuses(replies)).toEqual([200, 200, 200, 200, 200, 200, 200, 201, 200, 200, 201])
    expect((await call()).status).toBe(429)
  })

  test('goes on at once with a grant, an override and a void', async () => {
    const { call, platform, override, tenant, caller } = await exhaust()
    const { id: tenantId } = tenant
    const isLetIn = async () => {
      expect((await call()).status).toBe(200)
      await flush()
      expect((await call()).status).toBe(429)
    }
    expect((await call()).status).toBe(429)
    await platform.limits.grant({ tenantId, meter: 'api_calls', amount: 1, reason: 'A gift' })
    await isLetIn()
    await override(6)
    await isLetIn()
    const { items } = await caller.usage.events({ tenantId, metric: 'api_calls', limit: 1 })
    expect(items).toMatchObject([{ amount: 1 }])
    await caller.usage.void({ tenantId, eventId: items[0]?.id as string, reason: 'A mistake' })
    await isLetIn()
    await override(null)
    expect((await call()).status).toBe(200)
  })

  test('goes on at once with an upgrade', async () => {
    const { call, tenant, user, caller, platform } = await enter({ plan: 'starter' })
    await caller.usage.track({ tenantId: tenant.id, metric: 'api_calls', amount: 10_999 })
    expect((await call()).status).toBe(200)
    await flush()
    expect((await call()).json).toMatchObject({ code: 'usage.limit_exceeded', limit: 10_000, used: 11_000 })
    await platform.tenants.update({ tenantId: tenant.id, plan: 'business' })
    expect((await call('/me')).json).toMatchObject({ user: { id: user.id } })
    expect((await call()).json).toMatchObject({ subscriptionTier: 'business' })
  })

  test('is refused by no more than a flush late, though all its calls come at once', async () => {
    const world = await enter({ limit: 20 })
    const replies = await Promise.all(Array.from({ length: 60 }, () => world.call()))
    await flush()
    expect((await world.call()).status).toBe(429)
    // A flush of its own may come in between.
    const letIn = statuses(replies).filter((status) => status === 200)
    expect(letIn.length).toBeGreaterThanOrEqual(20)
    expect(await counted(world)).toBe(letIn.length)
  })
})
