import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, test } from 'vitest'
import { startScriptedServer } from '../../test/scripted-server.ts'
import { createTenantryClient } from './client.ts'

const ok = { data: {} }

test('the tenant and the token or key go with each request, from whatever provides them', async () => {
  const { url, requests } = await startScriptedServer(() => ok)
  await createTenantryClient({ url, token: 'known', tenant: async () => 'acme' }).me.get.query()
  await createTenantryClient({ url: `${url}/`, token: async () => 'fresh' }).me.get.query()
  await createTenantryClient({ url, apiKey: async () => 'tk_live' }).me.get.query()
  await createTenantryClient({ url }).plans.list.query()
  const sent = requests.map(({ headers }) => [headers.authorization, headers['x-api-key'], headers['x-tenant-id']])
  expect(sent).toEqual([
    ['Bearer known', undefined, 'acme'],
    ['Bearer fresh', undefined, undefined],
    [undefined, 'tk_live', undefined],
    [undefined, undefined, undefined],
  ])
})

test('a provider that fails fails the call, and nothing is sent', async () => {
  const { url, requests } = await startScriptedServer(() => ok)
  const signedOut = new Error('Signed out.')
  const client = createTenantryClient({ url, token: () => Promise.reject(signedOut) })
  await expect(client.me.get.query()).rejects.toMatchObject({ message: 'Signed out.', cause: signedOut })
  expect(requests).toEqual([])
})

test.each(['token', 'tenant'] as const)('a provider of the %s that hangs fails the call in time', async (name) => {
  const { url, requests } = await startScriptedServer(() => ok)
  const hanging = () => new Promise<string>(() => undefined)
  const client = createTenantryClient({ url, [name]: hanging, timeoutMilliseconds: 50 })
  await expect(client.me.get.query()).rejects.toMatchObject({
    message: `The provider of the ${name} did not answer in 50 ms.`,
    cause: { name: 'TimeoutError' },
  })
  expect(requests).toEqual([])
})

test('reads of one moment share a request, twenty at the most', async () => {
  const { url, requests } = await startScriptedServer(({ input }) => ({ data: input }))
  const client = createTenantryClient({ url })
  const ids = Array.from({ length: 45 }, (_, index) => `tenant-${index}`)
  const answers = await Promise.all(ids.map((tenantId) => client.tenants.get.query({ tenantId })))
  expect(answers).toEqual(ids.map((tenantId) => ({ tenantId })))
  expect(requests.map(({ calls }) => calls.length).sort()).toEqual([20, 20, 5])
})

test('no address grows longer than proxies take', async () => {
  const { url, requests } = await startScriptedServer(({ input }) => ({ data: input }))
  const client = createTenantryClient({ url })
  const ids = Array.from({ length: 20 }, (_, index) => `${index}`.padEnd(128, 'é'))
  await Promise.all(ids.map((tenantId) => client.tenants.get.query({ tenantId })))
  expect(requests.length).toBeGreaterThan(1)
  for (const request of requests) expect(url.length + request.url.length).toBeLessThanOrEqual(4000)
})

test('calls for two tenants never share a request, though they are made at one moment', async () => {
  const { url, requests } = await startScriptedServer(() => ok)
  const tenants = new AsyncLocalStorage<string>()
  const client = createTenantryClient({ url, tenant: () => tenants.getStore() ?? '' })
  const call = () => Promise.all([client.tenants.info.query(), client.tenants.limits.query()])
  await Promise.all([tenants.run('acme', call), tenants.run('globex', call)])
  const sent = requests.map(({ headers, calls }) => [headers['x-tenant-id'], ...calls.map(({ path }) => path)])
  expect(sent.sort()).toEqual([
    ['acme', 'tenants.info', 'tenants.limits'],
    ['globex', 'tenants.info', 'tenants.limits'],
  ])
})

test('each mutation has a request, and an idempotency key, of its own', async () => {
  const { url, requests } = await startScriptedServer(() => ok)
  const { usage } = createTenantryClient({ url })
  const event = { tenantId: 'acme', metric: 'api_calls' }
  await Promise.all([
    usage.track.mutate(event, { context: { idempotencyKey: 'one' } }),
    usage.track.mutate(event, { context: { idempotencyKey: 'two' } }),
    usage.track.mutate(event),
  ])
  expect(requests.map(({ method, calls }) => [method, calls.length])).toEqual([
    ['POST', 1],
    ['POST', 1],
    ['POST', 1],
  ])
  expect(new Set(requests.map(({ headers }) => headers['idempotency-key']))).toEqual(new Set(['one', 'two', undefined]))
})

test('a call that gets no answer ends at its time-out', async () => {
  const { url, requests } = await startScriptedServer(() => 'nothing')
  const call = createTenantryClient({ url, timeoutMilliseconds: 50 }).me.get.query()
  await expect(call).rejects.toMatchObject({ cause: { name: 'TimeoutError' } })
  await requests[0]?.left
  expect(requests).toHaveLength(1)
})

test('an answer that stops half-way ends at the time-out too', async () => {
  const { url } = await startScriptedServer(() => ({
    foreign: 200,
    headers: { 'content-type': 'application/json' },
    body: '[{"result"',
    stalls: true,
  }))
  const call = createTenantryClient({ url, timeoutMilliseconds: 50 }).me.get.query()
  await expect(call).rejects.toMatchObject({ cause: { name: 'TimeoutError' } })
})

test('the caller’s abort ends the call and the request', async () => {
  const { url, requests } = await startScriptedServer(() => {
    leave.abort()
    return 'nothing'
  })
  const leave = new AbortController()
  const call = createTenantryClient({ url }).me.get.query(undefined, { signal: leave.signal })
  await expect(call).rejects.toMatchObject({ cause: { name: 'AbortError' } })
  await requests[0]?.left
})

test('a call that is aborted before it is made is not sent', async () => {
  const { url, requests } = await startScriptedServer(() => ok)
  const client = createTenantryClient({ url })
  await expect(client.me.get.query(undefined, { signal: AbortSignal.abort() })).rejects.toThrow()
  await client.me.get.query()
  expect(requests).toHaveLength(1)
})

test('one aborted call of a batch ends at once, and the others get their answers', async () => {
  const leave = new AbortController()
  const { url, requests } = await startScriptedServer(({ path }) => {
    if (path === 'tenants.info') leave.abort()
    return { data: path }
  })
  const { tenants } = createTenantryClient({ url })
  const [left, stayed] = await Promise.allSettled([
    tenants.info.query(undefined, { signal: leave.signal }),
    tenants.limits.query(),
  ])
  expect(left).toMatchObject({ status: 'rejected', reason: { cause: { name: 'AbortError' } } })
  expect(stayed).toEqual({ status: 'fulfilled', value: 'tenants.limits' })
  expect(requests).toHaveLength(1)
})
