import { createTenantryClient, isTenantryError } from '@tenantry/shared/http'
import pg from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { openTestApi, type TestApi } from './api-server.ts'

let api: TestApi

beforeAll(async () => {
  api = await openTestApi()
})

afterAll(() => api.close())

/** A tenant of its own, and a client of its owner that takes each answer when it is there. */
async function enter() {
  const { tenant, user } = await api.installation.enter({ plan: 'starter' })
  const headers = { ...(await api.signedIn(user)), 'x-tenant-id': tenant.slug, 'trpc-accept': 'application/jsonl' }
  const connection = { url: api.origin, token: await api.tokenOf(user), tenant: tenant.slug, streaming: true }
  return { tenant, headers, connection, client: createTenantryClient(connection) }
}

/** Nobody reads the members until it is released. */
async function holdMembers() {
  const admin = new pg.Client(api.installation.testDatabase.adminUrl)
  await admin.connect()
  onTestFinished(() => admin.end())
  await admin.query('begin; lock table tenantry.memberships in access exclusive mode')
  return { release: () => admin.query('commit') }
}

test('an answer does not wait for a slower one of the same request', async () => {
  const { tenant, connection } = await enter()
  const requests: string[] = []
  const counting: typeof fetch = (input, init) => {
    requests.push(String(input))
    return fetch(input, init)
  }
  const client = createTenantryClient({ ...connection, fetch: counting })
  // Who may do what is remembered, so that only the answer itself waits for the members.
  await client.tenants.limits.query()
  const members = await holdMembers()
  const slow = client.tenants.get.query({ tenantId: 'current' })
  const order: string[] = []
  slow.then(
    () => order.push('slow'),
    () => order.push('refused'),
  )
  const { items } = await client.plans.list.query()
  order.push('quick')
  expect(items.length).toBeGreaterThan(1)
  await members.release()
  expect((await slow).slug).toBe(tenant.slug)
  expect(order).toEqual(['quick', 'slow'])
  expect(requests).toHaveLength(2)
})

test('a refusal keeps its code beside the answers of the others', async () => {
  const { tenant, client } = await enter()
  const [info, missing, invalid] = await Promise.allSettled([
    client.tenants.info.query(),
    client.tenants.get.query({ tenantId: 'no-such-tenant' }),
    client.events.list.query({ tenantId: 'current', limit: 0 }),
  ])
  expect(info).toMatchObject({ status: 'fulfilled', value: { slug: tenant.slug } })
  if (missing.status !== 'rejected' || invalid.status !== 'rejected') throw new Error('Answered')
  expect(isTenantryError(missing.reason, 'tenant.mismatch', 'tenant.not_found')).toBe(true)
  expect(isTenantryError(invalid.reason, 'request.invalid') && invalid.reason.problem.issues).toMatchObject([
    { path: 'limit' },
  ])
})

test('a spent rate limit is said by each refused call, with when to come back', async () => {
  const { headers } = await enter()
  const batch = `/trpc/${Array(20).fill('tenants.info').join(',')}?batch=1&input=%7B%7D`
  for (let round = 1; round <= 5; round += 1) expect((await api.send(batch, { headers })).status).toBe(200)
  const { status, text, headers: answered } = await api.send(batch, { headers })
  expect(status).toBe(200)
  expect(answered['content-type']).toBe('application/jsonl')
  expect(answered['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  const problems = [...text.matchAll(/"code":"rate_limit\.exceeded"/g)]
  expect(problems).toHaveLength(20)
  expect(text).toMatch(/"retryAfterSeconds":\d+/)
})

test('no more than twenty calls share a request here either', async () => {
  const { headers } = await enter()
  const batch = `/trpc/${Array(21).fill('me.get').join(',')}?batch=1&input=%7B%7D`
  const { status, json } = await api.send(batch, { headers })
  expect(`${status} ${json.error.json.data.problem.code}`).toBe('400 request.invalid')
})

test('the pages of a list are linked', async () => {
  const { tenant, headers } = await enter()
  const { 'trpc-accept': _, ...rest } = headers
  const path = `/tenants/${tenant.slug}/event-log?limit=1`
  for (const name of ['First name', 'Second name']) {
    await api.rest(`/tenants/${tenant.slug}`, { method: 'PATCH', json: { name }, headers: rest })
  }
  const first = await api.rest(path, { headers: rest })
  const [, next = ''] = /^<\/api\/v1([^>]+)>; rel="next"$/.exec(String(first.headers.link)) ?? []
  const second = await api.rest(next, { headers: rest })
  expect([first, second].map(({ json }) => json.items[0].event.version)).toEqual([3, 2])
  expect(second.headers.link).toBeUndefined()
})
