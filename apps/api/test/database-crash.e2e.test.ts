import { expect, inject, test } from 'vitest'
import { databasePid, kill, type RunningApi, spawnApi, useDataFolder } from './api-process.ts'
import { type Attempt, startLoad } from './database-load.ts'

/** The embedded server is given up after ten failures in two minutes. */
const kills = inject('soak') ? 8 : 1
/** Longer than any client should wait to hear that the database is gone. */
const longestMilliseconds = 5_000

/** Lets the settings of acme be written as often as a test likes. */
async function liftLimit(api: RunningApi): Promise<void> {
  const headers = { ...(await api.signIn('operator@tenantry.test')), 'x-tenant-id': 'acme' }
  const json = { settings: { rateLimits: { updatesPerHour: 1_000_000 } } }
  expect(await api.send('/api/v1/tenants/current/settings', { method: 'PUT', json, headers })).toMatchObject({
    status: 200,
  })
}

const acknowledged = (attempts: Attempt[]) => attempts.filter(({ outcome }) => outcome === 'ok')

test('a kill -9 of PostgreSQL under load costs no answered write, and the API recovers without a restart', {
  timeout: kills * 60_000,
  tags: 'soak',
}, async () => {
  const folder = await useDataFolder()
  const api = await spawnApi(folder).ready()
  await liftLimit(api)
  const headers = await api.signIn('admin@acme.test')
  const usedBefore = (await api.send('/api/v1/tenants/current/usage', { headers })).json.tokensUsed
  const readiness = async () => (await api.send('/readyz')).status

  const load = startLoad(api, headers, { usage: 6, settings: 2 })
  const atKills: number[] = []
  const usageBeyond = (count: number) =>
    expect.poll(() => acknowledged(load.usage).length, { timeout: 10_000 }).toBeGreaterThan(count)
  await expect.poll(() => acknowledged(load.settings).length, { timeout: 10_000 }).toBeGreaterThan(10)
  for (let turn = 1; turn <= kills; turn += 1) {
    await usageBeyond((atKills.at(-1) ?? 0) + 100)
    const killed = Number(await databasePid(folder))
    atKills.push(acknowledged(load.usage).length)
    kill(killed, 'SIGKILL')
    await expect.poll(readiness, { interval: 1, timeout: 5_000 }).toBe(503)
    await expect.poll(readiness, { interval: 20, timeout: 20_000 }).toBe(200)
    expect(await databasePid(folder)).not.toBe(killed)
  }
  await usageBeyond((atKills.at(-1) ?? 0) + 50)
  await load.stop()

  const attempts = [...load.usage, ...load.settings]
  expect(new Set(attempts.map(({ outcome }) => outcome))).toEqual(new Set(['ok', '503 service.overloaded']))
  expect(Math.max(...attempts.map(({ milliseconds }) => milliseconds))).toBeLessThan(longestMilliseconds)

  const used = (await api.send('/api/v1/tenants/current/usage', { headers })).json.tokensUsed - usedBefore
  expect(used).toBeGreaterThanOrEqual(acknowledged(load.usage).length)
  expect(used).toBeLessThanOrEqual(load.usage.length)
  // The last ones before the end of a server are those that a lost commit would be among.
  const around = atKills.flatMap((atKill) => acknowledged(load.usage).slice(Math.max(0, atKill - 100), atKill + 20))
  for (const { key } of around) {
    const again = { json: { metric: 'tokens' }, headers: { ...headers, 'idempotency-key': key } }
    expect((await api.send('/api/v1/tenants/acme/usage', again)).json).toMatchObject({ outcome: 'duplicate' })
  }
  const { custom } = (await api.send('/api/v1/tenants/current/settings', { headers })).json.settings
  for (const [name, turn] of Object.entries(load.acknowledgedSettings))
    expect(custom[name]).toBeGreaterThanOrEqual(turn)

  expect(api.output()).not.toContain('"level":"error"')
  expect(await api.stop('SIGINT')).toMatchObject({ code: 0 })
})
