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

const ownBlocks = async (id: string) =>
  (await platform().blocks.list()).blocks.filter(({ principal }) => principal.id === id)
const blocksIn = async (tenantId: string) =>
  (await api.installation.auditEntries(tenantId)).filter(({ action }) => action === 'access.blocked')

describe('who probes for tenants', () => {
  test('is blocked on every door, told when to come back, and let in then', async () => {
    const { user, tenant, owner } = await enter()
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
    expect(await probe(owner, 11, 20)).not.toContain('429 auth.blocked')
    expect((await ask('/me', owner)).json).toMatchObject({ code: 'auth.blocked', retryAfterSeconds: 120 })
    expect((await api.send('/metrics')).text).toMatch(/tenantry_principals_blocked_total\{reason="probing"\} [2-9]/)
  })

  test('is told of once for each block, in the log of the tenant that was aimed at', async () => {
    const { owner } = await enter()
    const aimedAt = await api.installation.createTenant()
    await probe(owner, 1, 9)
    expect(codeOf(await ask(`/tenants/${aimedAt.slug}`, owner))).toBe('404 tenant.not_found')
    for (let call = 0; call < 5; call += 1) expect(codeOf(await ask('/me', owner))).toBe('429 auth.blocked')
    expect(await blocksIn(aimedAt.id)).toMatchObject([
      { outcome: 'denied', details: { reason: 'probing', until: '2026-11-21T10:01:00.000Z' } },
    ])
  })

  test('with a key blocks that key, not the person who made it nor their other tenants', async () => {
    const { tenant, keyId, owner, keyed } = await enter()
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
    const { owner } = await enter()
    for (let time = 0; time < 5; time += 1) await probe(owner, 1, 4)
    expect(codeOf(await ask('/me', owner))).toBe(200)
  })

  test('is not an operator, nor whoever shares an address with one who probes', async () => {
    const { owner } = await enter()
    const operators = bearer(await api.issuer.sign({ email: 'admin@platform.test', platformAdmin: true }))
    await probe(operators, 1, 15)
    await probe(owner, 1, 10)
    expect(codeOf(await ask('/me', owner))).toBe('429 auth.blocked')
    expect(codeOf(await ask('/platform/blocks', operators))).toBe(200)
    expect(codeOf(await ask('/me', await api.signedIn(await api.installation.createUser())))).toBe(200)
  })

  test('is let in again by an operator, who says why', async () => {
    const { user, owner } = await enter()
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
    await consume()
    at('10:00:06')
    for (let burst = 0; burst < 8; burst += 1) {
      const replies = await Promise.all(Array.from({ length: 50 }, consume))
      expect(new Set(replies.map(codeOf))).toEqual(new Set(['429 usage.limit_exceeded']))
    }
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
