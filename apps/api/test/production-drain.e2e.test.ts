import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import { send } from './http.ts'
import {
  openProductionSite,
  type ProductionProcess,
  type ProductionSite,
  startProduction,
} from './production-process.ts'
import { openRoundRobinProxy } from './round-robin-proxy.ts'

vi.setConfig({ testTimeout: 60_000 })

const replacements = inject('soak') ? 20 : 2
/** Leaves the machine to the processes that start meanwhile. */
const pauseMilliseconds = 10

let site: ProductionSite
let owner: Awaited<ReturnType<ProductionSite['createOwner']>>

beforeAll(async () => {
  site = await openProductionSite()
  owner = await site.createOwner()
})

afterAll(() => site.close())

const start = (environment: Record<string, string> = {}) => startProduction({ ...site.environment, ...environment })

const paint = (api: ProductionProcess) =>
  api.send('/api/v1/tenants/current/settings', {
    method: 'PUT',
    json: { settings: { branding: { primaryColor: '#123456' } } },
    headers: owner.headers,
  })

/** Keeps every update of settings waiting until it is let go; resolves once one does wait. */
async function holdSettings() {
  const [holder, watcher] = [1, 2].map(() => new Client(site.installation.testDatabase.adminUrl)) as [Client, Client]
  for (const client of [holder, watcher]) {
    client.on('error', () => undefined)
    await client.connect()
    onTestFinished(() => client.end())
  }
  await holder.query('begin; lock table tenantry.tenant_settings in exclusive mode')
  const waiting = async () =>
    (await watcher.query("select from pg_locks where not granted and relation = 'tenantry.tenant_settings'::regclass"))
      .rowCount
  return {
    someoneWaits: () => expect.poll(waiting, { timeout: 5_000 }).toBe(1),
    release: () => holder.query('commit'),
  }
}

const readiness = (api: ProductionProcess) =>
  api.send('/readyz').then(
    ({ status, json }) => ({ status, draining: json.checks.draining }),
    (error: NodeJS.ErrnoException) => error.code,
  )

describe('told to end', () => {
  test('it is unready at once, serves on until balancers have seen it, and answers what is under way', async () => {
    const api = await start({ DRAIN_DELAY_MS: '1500' })
    const settings = await holdSettings()
    const painting = paint(api)
    await settings.someoneWaits()

    const stopping = api.stop('SIGTERM')

    await expect.poll(() => readiness(api), { interval: 20, timeout: 1_000 }).toEqual({ status: 503, draining: true })
    expect(await api.send('/livez')).toMatchObject({ status: 200 })
    const served = await api.send('/api/v1/tenants/current', { headers: owner.headers })
    expect({ status: served.status, connection: served.headers.connection }).toEqual({
      status: 200,
      connection: 'close',
    })
    await expect.poll(() => readiness(api), { timeout: 5_000 }).toBe('ECONNREFUSED')

    await settings.release()
    expect(await painting).toMatchObject({ status: 200 })
    const { code, milliseconds } = await stopping
    expect(code).toBe(0)
    expect(milliseconds).toBeGreaterThan(1_500)
  })

  test('it waits no longer than its deadline for a request that does not end, and says that it cut one short', async () => {
    const api = await start({ DRAIN_TIMEOUT_MS: '300' })
    const settings = await holdSettings()
    const painting = paint(api).catch((error: NodeJS.ErrnoException) => error.code)
    await settings.someoneWaits()

    const { code, milliseconds } = await api.stop('SIGTERM')

    expect(code).toBe(0)
    expect(milliseconds).toBeLessThan(3_000)
    expect(await painting).toBe('ECONNRESET')
    expect(api.log()).toContainEqual(
      expect.objectContaining({ level: 'warn', msg: expect.stringContaining('cut short') }),
    )
    const cut = api.log().find(({ aborted }) => aborted)
    expect(cut).toMatchObject({ msg: 'request', method: 'PUT', path: '/api/v1/tenants/current/settings' })
    expect(cut).not.toHaveProperty('status')
  })

  test('it does not wait for connections that are kept and idle', async () => {
    const api = await start()
    const agent = new Agent({ keepAlive: true })
    onTestFinished(() => agent.destroy())
    const answer = await new Promise<string>((resolve, reject) =>
      request(`${api.origin}/livez`, { agent }, (response) => text(response).then(resolve, reject)).end(),
    )
    expect(answer).toBe('{"status":"ok"}')
    await expect.poll(() => Object.keys(agent.freeSockets)).toHaveLength(1)

    const { code, milliseconds } = await api.stop('SIGTERM')

    expect(code).toBe(0)
    expect(milliseconds).toBeLessThan(2_000)
  })
})

test('processes behind a balancer are replaced one by one under load, and no request is lost or counted twice', {
  timeout: 60_000 + replacements * 30_000,
  tags: 'soak',
}, async () => {
  const environment = { DRAIN_DELAY_MS: '400', LOG_REQUESTS: 'false' }
  const proxy = await openRoundRobinProxy()
  onTestFinished(() => proxy.close())
  let [old, young] = await Promise.all([start(environment), start(environment)])
  const serves = ({ origin }: ProductionProcess) => {
    const before = proxy.answered(origin)
    return expect.poll(() => proxy.answered(origin), { timeout: 10_000 }).toBeGreaterThan(before + 20)
  }

  proxy.use([old.origin, young.origin])
  await expect.poll(async () => (await track(proxy.origin)).status).toBe(201)
  const load = startLoad(proxy.origin)
  await Promise.all([old, young].map(serves))

  for (let replacement = 1; replacement <= replacements; replacement += 1) {
    expect((await old.stop('SIGTERM')).code).toBe(0)
    ;[old, young] = [young, await start(environment)]
    proxy.use([old.origin, young.origin])
    await Promise.all([old, young].map(serves))
  }

  const statuses = await load.stop()
  expect([...new Set(statuses)]).toEqual([201])
  expect(await countEvents()).toBe(statuses.length + 1)
})

const track = (origin: string) =>
  send(origin, `/api/v1/tenants/${owner.tenant.id}/usage`, { json: { metric: 'tokens' }, headers: owner.headers })

/** Callers that ask again soon after they are answered; `stop` tells what they were answered. */
function startLoad(origin: string): { stop(): Promise<unknown[]> } {
  const statuses: unknown[] = []
  let loading = true
  const callers = Array.from({ length: 4 }, async () => {
    while (loading) {
      statuses.push(
        await track(origin).then(
          ({ status }) => status,
          (error: Error) => error.message,
        ),
      )
      await delay(pauseMilliseconds)
    }
  })
  return {
    stop: async () => {
      loading = false
      await Promise.all(callers)
      return statuses
    },
  }
}

async function countEvents(): Promise<number> {
  const client = new Client(site.installation.testDatabase.adminUrl)
  await client.connect()
  try {
    const sql = `select count(*)::int as events from tenantry.usage_events where tenant_id = $1 and meter = 'tokens'`
    return (await client.query(sql, [owner.tenant.id])).rows[0].events
  } finally {
    await client.end()
  }
}
