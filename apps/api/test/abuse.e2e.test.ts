import { createTestClock } from '@tenantry/control-plane/capabilities/usage/service.fixture'
import { operator } from '@tenantry/control-plane/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openTestApi, type TestApi } from './api-server.ts'
import { bearer, type Reply } from './http.ts'

const clock = createTestClock('2026-11-21T10:00:00Z')
const at = (time: string) => clock.set(`2026-11-21T${time}Z`)

let api: TestApi
beforeAll(async () => {
  api = await openTestApi({ clock })
})
beforeEach(() => at('10:00:00'))
afterAll(() => api.close())

const platform = () => api.installation.callerAs(operator)

async function enter() {
  const { tenant, user, caller } = await api.installation.enter()
  const scopes = ['tenant:read', 'usage:write']
  const { id: keyId, key } = await caller.apiKeys.create({ tenantId: 'current', name: 'Scheduler', scopes })
  return { tenant, user, keyId, owner: bearer(await api.tokenOf(user)), keyed: { 'x-api-key': key } }
}

const codeOf = ({ status, json }: Reply) => (status < 400 ? status : `${status} ${json.code}`)
const ask = (path: string, headers: Record<string, string>) => api.rest(path, { headers })

/** Names tenants that there are not. */
async function probe(headers: Record<string, string>, first: number, last: number) {
  const codes: unknown[] = []
  for (let name = first; name <= last; name += 1) codes.push(codeOf(await ask(`/tenants/no-such-${name}`, headers)))
  return codes
}

/** So many tenants short of a block, as after some minutes of it: a minute has a budget of its own. */
async function hasProbed(principal: string, short = 10) {
  const { abuseGuard } = api.installation.dependencies
  for (let name = short; name < 90; name += 1)
    await abuseGuard.recordProbe(principal, `earlier-${name}-${clock.now().getTime()}`)
}

const ownBlocks = async (id: string) =>
  (await platform().blocks.list()).blocks.filter(({ principal }) => principal.id === id)
const blocksIn = async (tenantId: string) =>
  (await api.installation.auditEntries(tenantId)).filter(({ action }) => action === 'access.blocked')

describe('who probes for tenants', () => {
  test('is blocked on every door, told when to come back, and let in then', async () => {
    const { user, tenant, owner } = await enter()
    await hasProbed(`user:${user.id}`)
    expect(new Set(await probe(owner, 1, 10))).toEqual(new Set(['404 tenant.not_found']))
    const refused = await ask(`/tenants/${tenant.slug}`, owner)
    expect(refused.json).toMatchObject({ status: 429, code: 'auth.blocked', retryAfterSeconds: 60 })
    expect(refused.headers['retry-after']).toBe('60')
    const byTrpc = await api.send('/trpc/me.get', { headers: owner })
    expect(byTrpc.json.error.json.data.problem).toMatchObject({ status: 429, code: 'auth.blocked' })
    expect(byTrpc.headers['retry-after']).toBe('60')

    expect(await ownBlocks(user.id)).toEqual([
      {
        id: `probing:user:${user.id}`,
        reason: 'probing',
        principal: { type: 'user', id: user.id },
        since: '2026-11-21T10:00:00.000Z',
        until: '2026-11-21T10:01:00.000Z',
      },
    ])
    at('10:01:00')
    expect(codeOf(await ask(`/tenants/${tenant.slug}`, owner))).toBe(200)
    expect(await ownBlocks(user.id)).toEqual([])
    await hasProbed(`user:${user.id}`)
    expect(await probe(owner, 11, 20)).not.toContain('429 auth.blocked')
    expect((await ask('/me', owner)).json).toMatchObject({ code: 'auth.blocked', retryAfterSeconds: 120 })
    expect((await api.send('/metrics')).text).toMatch(/tenantry_principals_blocked_total\{reason="probing"\} [2-9]/)
  })

  test('is told of once for each block, in the log of the tenant that was aimed at', async () => {
    const { user, owner } = await enter()
    const aimedAt = await api.installation.createTenant()
    await hasProbed(`user:${user.id}`)
    await probe(owner, 1, 9)
    expect(codeOf(await ask(`/tenants/${aimedAt.slug}`, owner))).toBe('404 tenant.not_found')
    for (let call = 0; call < 5; call += 1) expect(codeOf(await ask('/me', owner))).toBe('429 auth.blocked')
    expect(await blocksIn(aimedAt.id)).toMatchObject([
      { outcome: 'denied', details: { reason: 'probing', until: '2026-11-21T10:01:00.000Z' } },
    ])
  })

  test('with a key blocks that key, not the person who made it nor their other tenants', async () => {
    const { tenant, keyId, owner, keyed } = await enter()
    await hasProbed(`apiKey:${keyId}`)
    for (let name = 1; name <= 10; name += 1)
      expect(codeOf(await ask('/tenants/current', { ...keyed, 'x-tenant-id': `other-${name}` }))).toBe(
        '403 tenant.mismatch',
      )
    expect(codeOf(await ask('/tenants/current', keyed))).toBe('429 auth.blocked')
    expect(codeOf(await ask('/tenants/current', owner))).toBe(200)
    expect(await ownBlocks(keyId)).toMatchObject([{ reason: 'probing', principal: { type: 'apiKey' } }])
    expect(await blocksIn(tenant.id)).toHaveLength(1)
  })

  test('is not who mistypes a name, though again and again', async () => {
    const { user, owner } = await enter()
    await hasProbed(`user:${user.id}`)
    for (let time = 0; time < 5; time += 1) await probe(owner, 1, 4)
    expect(codeOf(await ask('/me', owner))).toBe(200)
  })

  test('is not who looks at a page of all tenants of an agency, and is in none of them any more', async () => {
    const { owner } = await enter()
    const load = () => Promise.all(Array.from({ length: 120 }, (_, name) => ask(`/tenants/agency-${name}`, owner)))
    const replies = [...(await load()), ...(await load())]
    expect(new Set(replies.map(codeOf))).toEqual(new Set(['404 tenant.not_found', '429 rate_limit.exceeded']))
    expect(codeOf(await ask('/me', owner))).toBe(200)
  })

  test('is not who names two of their own tenants at once, though that has its budget too', async () => {
    const { user, tenant, owner } = await enter()
    const other = await api.installation.createTenant()
    await api.installation.addMember(other.id, user.id, 'member')
    await hasProbed(`user:${user.id}`, 1)
    const both = () => ask(`/tenants/${tenant.slug}`, { ...owner, 'x-tenant-id': other.slug })
    const replies = await Promise.all(Array.from({ length: 35 }, both))
    expect(new Set(replies.map(codeOf))).toEqual(new Set(['403 tenant.mismatch', '429 rate_limit.exceeded']))
    expect(codeOf(await ask('/me', owner))).toBe(200)
  })

  test('is not an operator, nor whoever shares an address with one who probes', async () => {
    const { user, owner } = await enter()
    const operators = bearer(await api.issuer.sign({ email: 'admin@platform.test', platformAdmin: true }))
    await probe(operators, 1, 100)
    await hasProbed(`user:${user.id}`)
    await probe(owner, 1, 10)
    expect(codeOf(await ask('/me', owner))).toBe('429 auth.blocked')
    expect(codeOf(await ask('/platform/blocks', operators))).toBe(200)
    expect(codeOf(await ask('/me', await api.signedIn(await api.installation.createUser())))).toBe(200)
  })

  test('is let in again by an operator, who says why', async () => {
    const { user, owner } = await enter()
    await hasProbed(`user:${user.id}`)
    await probe(owner, 1, 10)
    expect(codeOf(await ask('/me', owner))).toBe('429 auth.blocked')
    const blockId = `probing:user:${user.id}`
    const operators = bearer(await api.issuer.sign({ email: 'admin@platform.test', platformAdmin: true }))
    const lift = () =>
      api.rest(`/platform/blocks/${encodeURIComponent(blockId)}/lift`, {
        headers: operators,
        json: { reason: 'A test' },
      })
    expect((await lift()).json).toEqual({ id: blockId, liftedAt: '2026-11-21T10:00:00.000Z' })
    expect(codeOf(await ask('/me', owner))).toBe(200)
    expect(codeOf(await lift())).toBe('404 block.not_found')
    const entries = await api.installation.platformAuditEntries()
    expect(entries.filter(({ action }) => action === 'platform.block_lifted')).toMatchObject([
      { details: { reason: 'A test', blockedFor: 'probing' } },
    ])
  })
})

describe('who goes on against a limit', () => {
  test('is blocked, and told of in the log of the tenant; the others of the tenant are not', async () => {
    const { tenant, owner, keyed, user } = await enter()
    const settings = { settings: { rateLimits: { requestsPerMinute: 1 } } }
    await api.installation.callerAs(operator, tenant.id).tenants.updateSettings(settings)
    const askAtOnce = async (times: number) =>
      new Set((await Promise.all(Array.from({ length: times }, () => ask('/tenants/current', owner)))).map(codeOf))
    expect(await askAtOnce(2)).toEqual(new Set([200, '429 rate_limit.exceeded']))
    at('10:00:06')
    for (let burst = 0; burst < 5; burst += 1) expect(await askAtOnce(60)).not.toContain(200)
    expect(await askAtOnce(1)).toEqual(new Set(['429 auth.blocked']))
    expect(codeOf(await ask('/tenants/current', keyed))).toBe(200)
    expect(await ownBlocks(user.id)).toMatchObject([{ id: `limits:user:${user.id}`, reason: 'limits' }])
    expect(await blocksIn(tenant.id)).toMatchObject([{ details: { reason: 'limits' } }])
  })

  test('is not who is told by an operation that a meter is used up, as products ask for each of their users', async () => {
    const { tenant, keyed } = await enter()
    const overrides = { tokens: { value: 1 } }
    await platform().limits.setOverrides({ tenantId: tenant.id, overrides, reason: 'Preparation' })
    const consume = () => api.rest('/tenants/current/usage/consume', { headers: keyed, json: { metric: 'tokens' } })
    expect([codeOf(await consume()), codeOf(await consume())]).toEqual([201, '429 usage.limit_exceeded'])
    at('10:00:06')
    for (let burst = 0; burst < 8; burst += 1) {
      const replies = await Promise.all(Array.from({ length: 50 }, consume))
      expect(new Set(replies.map(codeOf))).toEqual(new Set(['429 usage.limit_exceeded']))
    }
  })

  test('is blocked whose tenant has used up its calls, unless it was let in meanwhile', async () => {
    const { tenant, owner } = await enter()
    const settings = { settings: { rateLimits: { requestsPerMinute: 1_000 } } }
    await api.installation.callerAs(operator, tenant.id).tenants.updateSettings(settings)
    const limitCalls = (value: number) => {
      const overrides = { api_calls: { value } }
      return platform().limits.setOverrides({ tenantId: tenant.id, overrides, reason: 'Preparation' })
    }
    const { apiCalls } = api.installation.dependencies.services
    const refuseAtOnce = async (times: number) => {
      const replies = await Promise.all(Array.from({ length: times }, () => ask('/tenants/current', owner)))
      expect(new Set(replies.map(codeOf))).toEqual(new Set(['429 usage.limit_exceeded']))
    }
    await limitCalls(1)
    await apiCalls.flush()
    expect(codeOf(await ask('/tenants/current', owner))).toBe(200)
    await apiCalls.flush()
    await refuseAtOnce(1)
    await limitCalls(2)
    at('10:00:06')
    expect(codeOf(await ask('/tenants/current', owner))).toBe(200)
    await apiCalls.flush()
    await refuseAtOnce(150)
    at('10:00:12')
    await refuseAtOnce(300)
    expect(codeOf(await ask('/tenants/current', owner))).toBe('429 auth.blocked')
  })

  test('counts once for each request, however many calls are in its batch', async () => {
    const { owner, tenant } = await enter()
    const settings = { settings: { rateLimits: { requestsPerMinute: 1 } } }
    await api.installation.callerAs(operator, tenant.id).tenants.updateSettings(settings)
    const paths = Array.from({ length: 20 }, () => 'tenants.info').join()
    const askBatch = () => api.send(`/trpc/${paths}?batch=1`, { headers: owner })
    await askBatch()
    at('10:00:06')
    await Promise.all(Array.from({ length: 20 }, askBatch))
    expect(codeOf(await ask('/tenants/current', owner))).toBe('429 rate_limit.exceeded')
  })
})

describe('limits that a tenant shares', () => {
  test('the reporting of usage has one budget for all of its people and keys, from the plan', async () => {
    const { owner, keyed } = await enter()
    const policies = await Promise.all(
      [owner, keyed].map((headers) => api.rest('/tenants/current/usage', { headers, json: { metric: 'tokens' } })),
    )
    expect(policies.map(({ headers }) => headers['ratelimit-policy'])).toEqual(Array(2).fill('"usage";q=30000;w=60'))
    const left = policies.map(({ headers }) => /r=(\d+)/.exec(String(headers.ratelimit))?.[1])
    expect(left.toSorted()).toEqual(['29998', '29999'])
  })

  test('the answer to a batch tells of the limit that is nearest to its end', async () => {
    const { owner, tenant } = await enter()
    const settings = { settings: { rateLimits: { requestsPerMinute: 5 } } }
    await api.installation.callerAs(operator, tenant.id).tenants.updateSettings(settings)
    const input = encodeURIComponent(
      JSON.stringify({ 1: { json: { tenantId: 'current', permission: 'tenant:read' } } }),
    )
    const { headers, json } = await api.send(`/trpc/tenants.info,access.check?batch=1&input=${input}`, {
      headers: owner,
    })
    expect(json).toHaveLength(2)
    expect([headers['ratelimit-policy'], headers.ratelimit]).toEqual(['"read";q=5;w=60', '"read";r=4;t=60'])
  })
})
