import { execFile } from 'node:child_process'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createTenantryClient } from '@tenantry/shared/http'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import {
  createPristineFolder,
  databasePid,
  databaseUrl,
  isRunning,
  kill,
  type RunningApi,
  removeDataFolder,
  spawnApi,
  useDataFolder,
} from './api-process.ts'
import { listenBy } from './event-listener.ts'

const ctrlCMilliseconds = 2_000
const kills = inject('soak') ? 20 : 1

vi.setConfig({ testTimeout: 60_000 })

let pristine: string

beforeAll(async () => {
  pristine = await createPristineFolder()
})

afterAll(() => removeDataFolder(pristine))

const startApi = (dataFolder: string, environment?: Record<string, string>): Promise<RunningApi> =>
  spawnApi(dataFolder, environment).ready()

async function paint(api: RunningApi, primaryColor: string) {
  const headers = await api.signIn('admin@acme.test')
  const json = { settings: { branding: { primaryColor } } }
  expect(await api.send('/api/v1/tenants/current/settings', { method: 'PUT', json, headers })).toMatchObject({
    status: 200,
  })
}

async function colourOf(api: RunningApi): Promise<string> {
  const headers = await api.signIn('viewer@acme.test')
  return (await api.send('/api/v1/tenants/current/settings', { headers })).json.settings.branding.primaryColor
}

const inBash = async (command: string): Promise<string> => (await promisify(execFile)('bash', ['-c', command])).stdout
const runs = (command: string): Promise<boolean> =>
  inBash(command).then(
    () => true,
    () => false,
  )

/** A child tenant that is reached by inheritance, a suspended one with its reason, and an operator who sees every one. */
async function expectDemo(api: RunningApi) {
  const [owner, suspended, operator] = await Promise.all(
    ['owner@acme.test', 'owner@initech.test', 'operator@tenantry.test'].map((email) => api.signIn(email)),
  )
  expect((await api.send('/api/v1/me', { headers: owner })).json.memberships).toMatchObject([
    { slug: 'acme', role: 'owner', inheritedFrom: null },
    { slug: 'acme-labs', role: 'owner', inheritedFrom: expect.any(String) },
  ])
  expect(await api.send('/api/v1/tenants/current/usage', { headers: suspended })).toMatchObject({
    status: 403,
    json: { code: 'tenant.inactive', state: 'suspended', reason: 'Invoice 2041 is unpaid.' },
  })
  expect((await api.send('/api/v1/tenants/globex', { headers: operator })).json).toMatchObject({ plan: 'free' })
}

/** Stops as a person at a terminal would, and holds it to its promise: at once, cleanly, nothing left. */
async function expectCleanStop(api: RunningApi, dataFolder: string, ...how: Parameters<RunningApi['stop']>) {
  const database = await databasePid(dataFolder)
  const { code, milliseconds } = await api.stop(...how)
  expect(code).toBe(0)
  expect(milliseconds).toBeLessThan(ctrlCMilliseconds)
  expect(database && (await isRunning(database))).toBe(false)
  expect(await databasePid(dataFolder)).toBeNull()
}

/** A session that keeps every update of settings waiting until it ends. */
async function holdSettings(dataFolder: string): Promise<{ waiting(): Promise<number>; release(): Promise<void> }> {
  const [holder, watcher] = [new Client(await databaseUrl(dataFolder)), new Client(await databaseUrl(dataFolder))]
  for (const client of [holder, watcher]) {
    client.on('error', () => undefined)
    await client.connect()
    onTestFinished(() => client.end())
  }
  await holder.query('begin; lock table tenantry.tenant_settings in access exclusive mode')
  return {
    waiting: async () => (await watcher.query('select from pg_locks where not granted')).rowCount ?? 0,
    release: async () => {
      await holder.query('commit')
      await Promise.all([holder.end(), watcher.end()])
    },
  }
}

describe('starting', () => {
  test('needs nothing: it makes its data, says where everything is, and the printed command works as it stands', async ({
    skip,
  }) => {
    const folder = await useDataFolder()
    const startedAt = performance.now()
    const api = await startApi(folder)
    expect(performance.now() - startedAt).toBeLessThan(20_000)

    const banner = api.output()
    for (const path of ['/api/v1', '/trpc', '/api/docs', '/readyz']) expect(banner).toContain(`${api.origin}${path}\n`)
    const users = ['owner@acme.test', 'admin@acme.test', 'member@acme.test', 'viewer@acme.test']
    const others = ['owner@globex.test', 'owner@initech.test', 'operator@tenantry.test']
    for (const email of [...users, ...others]) expect(banner).toContain(email)
    expect((await stat(join(folder, 'keys.json'))).mode & 0o777).toBe(0o600)
    await expectDemo(api)

    skip(!(await runs('curl --version')), 'bash or curl is not installed here: the printed command was not tried')
    const answered = await inBash(banner.split('\n').find((line) => line.includes('curl')) ?? '')
    const expected = { slug: 'acme', subscriptionTier: 'starter', userRole: 'admin', memberCount: 4 }
    expect(JSON.parse(answered)).toMatchObject(expected)
    await expectCleanStop(api, folder, 'SIGINT')
  })

  test('again keeps the data, the tokens and the API keys, and whoever listens misses nothing over the restart', async () => {
    const folder = await useDataFolder(pristine)
    const first = await startApi(folder)
    const token = await first.signIn('viewer@acme.test')
    const client = createTenantryClient({
      url: first.origin,
      tenant: 'acme',
      token: async () => token.authorization.replace('Bearer ', ''),
    })
    const listener = listenBy(client)
    await listener.types(1)
    await paint(first, '#123456')
    await listener.types(2)
    const admin = await first.signIn('admin@acme.test')
    const path = '/api/v1/tenants/acme/api-keys'
    const made = await first.send(path, { headers: admin, json: { name: 'Scheduler', scopes: ['tenant:read'] } })
    const byKey = { headers: { 'x-api-key': made.json.key } }
    expect(await first.send('/api/v1/tenants/current', byKey)).toMatchObject({ status: 200 })
    await expectCleanStop(first, folder, 'SIGTERM')
    expect(listener.ended()).toBe(false)

    const startedAt = performance.now()
    const second = await startApi(folder, { PORT: new URL(first.origin).port })

    expect(performance.now() - startedAt).toBeLessThan(10_000)
    expect(await colourOf(second)).toBe('#123456')
    expect(await second.send('/api/v1/me', { headers: token })).toMatchObject({ status: 200 })
    // Noted in memory, and written on the way out.
    expect((await second.send(path, { headers: admin })).json.items).toMatchObject([{ lastUsedAt: expect.any(String) }])
    expect(await second.send('/api/v1/tenants/current', byKey)).toMatchObject({ status: 200 })
    await paint(second, '#654321')
    expect(await listener.types(3)).toEqual(['resync', 'settings.updated', 'settings.updated'])
    expect(listener.errors).toEqual([])
    listener.leave()
  })

  test('after a kill -9 takes over the orphaned database, with everything that was answered', {
    timeout: kills * 60_000,
    tags: 'soak',
  }, async () => {
    const folder = await useDataFolder(pristine)
    let api = await startApi(folder)
    for (let kill = 1; kill <= kills; kill += 1) {
      const colour = `#fedc${String(kill).padStart(2, '0')}`
      await paint(api, colour)
      const orphan = Number(await databasePid(folder))
      await api.stop('SIGKILL')
      expect(await isRunning(orphan)).toBe(true)

      api = await startApi(folder)

      expect(await colourOf(api)).toBe(colour)
      expect(await isRunning(orphan)).toBe(false)
    }
    await expectCleanStop(api, folder, 'SIGINT')
  })

  test('side by side, each with data of its own; a folder or a port in use is refused with what to do', async () => {
    const [one, other, third] = await Promise.all([1, 2, 3].map(() => useDataFolder(pristine)))
    const [first, second] = await Promise.all([startApi(String(one)), startApi(String(other))])
    await paint(first, '#111111')
    await paint(second, '#222222')
    expect([await colourOf(first), await colourOf(second)]).toEqual(['#111111', '#222222'])

    const { port } = new URL(first.origin)
    const [sameFolder, samePort] = [spawnApi(String(one)), spawnApi(String(third), { PORT: port })]

    expect([await sameFolder.ended, await samePort.ended]).toEqual([1, 1])
    expect(sameFolder.output()).toMatch(/^The data folder is in use by another running instance.*another DATA_DIR\.\n$/)
    expect(samePort.output()).toBe(
      `Port ${port} on 127.0.0.1 is in use. Stop what listens there, or choose another PORT.\n`,
    )
    expect(await databasePid(String(third))).toBeNull()
    expect([await colourOf(first), await colourOf(second)]).toEqual(['#111111', '#222222'])
  })
})

describe('Ctrl-C', () => {
  test('to the whole group lets the request under way be answered, and then ends everything', async () => {
    const folder = await useDataFolder(pristine)
    const api = await startApi(folder)
    const settings = await holdSettings(folder)
    const painting = paint(api, '#abcdef')
    await expect.poll(settings.waiting).toBe(1)

    const database = await databasePid(folder)
    const stopping = api.stop('SIGINT', 'group')
    await expect.poll(() => api.send('/livez').catch((error: Error) => error.message)).toMatch(/ECONNREFUSED/)
    await settings.release()

    await painting
    const { code, milliseconds } = await stopping
    expect(code).toBe(0)
    expect(milliseconds).toBeLessThan(ctrlCMilliseconds)
    expect(database && (await isRunning(database))).toBe(false)
  })

  test('does not wait for a request that does not end', async () => {
    const folder = await useDataFolder(pristine)
    const api = await startApi(folder)
    const settings = await holdSettings(folder)
    const painting = paint(api, '#abcdef').catch((error: Error) => error.message)
    await expect.poll(settings.waiting).toBe(1)

    await expectCleanStop(api, folder, 'SIGINT')

    expect(await painting).toMatch(/socket hang up|ECONNRESET/)
  })

  test('while it is still starting ends the database that was just started, too', async () => {
    const folder = await useDataFolder(pristine)
    const api = spawnApi(folder)
    await expect.poll(() => databasePid(folder), { interval: 5, timeout: 20_000 }).not.toBeNull()
    const database = Number(await databasePid(folder))

    kill(-api.pid, 'SIGINT')

    expect(await api.ended).toBe(0)
    expect(api.output()).toBe('')
    await expect.poll(() => isRunning(database), { timeout: ctrlCMilliseconds }).toBe(false)
  })
})

describe('what cannot work is refused at the start, without a stack', () => {
  const refusal = async (environment: Record<string, string>, file = '') => {
    const folder = await useDataFolder()
    await writeFile(join(folder, '.env'), file)
    const api = spawnApi(folder, environment)
    expect(await api.ended).toBe(1)
    expect(api.output()).not.toMatch(/^\s+at /m)
    return api.output()
  }

  test('a configuration, of the environment and of .env, with every problem at once', async () => {
    const values = { PORT: 'eighty', LOG_LEVEL: 'loud', TRUSTED_PROXIES: 'nonsense', DATABASE_URL: 'mysql://x' }
    const source = { ...values, AUTH_DEV_ISSUER: 'true' }
    const output = await refusal(source, 'METRICS_TOKEN=short\nPORT=4000\n')
    const names = [...output.matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name)
    const external = ['CONTEXT_SIGNING_KEYS', 'ENCRYPTION_KEYS', 'JOBS_DATABASE_URL', 'OIDC_AUDIENCE', 'OIDC_ISSUER']
    const wrong = [...Object.keys(source), 'METRICS_TOKEN', 'PLATFORM_DATABASE_URL']
    expect(names.sort()).toEqual([...external, ...wrong].sort())
  })

  test('a plan catalogue, by line and key', async () => {
    const file = join(await useDataFolder(), 'plans.yaml')
    const original = await readFile(
      new URL('../../../packages/control-plane/catalogue/default.yaml', import.meta.url),
      'utf8',
    )
    const lines = original.split('\n')
    const line = lines.findIndex((text) => text.includes('requestsPerMinute: 100')) + 1
    await writeFile(file, original.replace('requestsPerMinute: 100', 'requestsPerMinute: many'))
    expect(await refusal({ PLAN_CATALOGUE: file })).toMatch(
      new RegExp(
        `^The plan catalogue cannot be used:\n.*plans\\.yaml:${line} defaults\\.rateLimits\\.requestsPerMinute: `,
      ),
    )
  })
})
