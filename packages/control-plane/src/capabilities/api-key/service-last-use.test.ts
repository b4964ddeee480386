import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { callByKey, create } from './service.fixture.ts'

let now = new Date('2026-03-16T12:00:00Z')
const clock = { now: () => now }
const pass = (seconds: number) => {
  now = new Date(now.getTime() + seconds * 1_000)
}

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock })
})
afterAll(() => installation.close())

const flush = () => installation.dependencies.services.apiKeys.flush()

async function enter() {
  const { caller } = await installation.enter()
  const { key } = await create(caller)
  return {
    use: () => callByKey(installation.dependencies, key).tenants.info(),
    lastUsed: async () => (await caller.apiKeys.list({ tenantId: 'current' })).items[0]?.lastUsedAt,
  }
}

test('the uses of many keys of many tenants are written by one statement, as on the way out', async () => {
  const keys = await Promise.all(Array.from({ length: 8 }, enter))
  const writes = vi.spyOn(installation.database, 'platformUnit')
  onTestFinished(() => writes.mockRestore())
  for (const { use } of keys) for (let call = 0; call < 5; call++) await use()
  expect(writes).not.toHaveBeenCalled()
  await flush()
  expect(writes).toHaveBeenCalledTimes(1)
  for (const { lastUsed } of keys) expect(await lastUsed()).toBe(now.toISOString())
  await flush()
  expect(writes).toHaveBeenCalledTimes(1)
})

test('a key is written once a minute at the most, whichever process notes it', async () => {
  const { use, lastUsed } = await enter()
  await use()
  await flush()
  const first = now.toISOString()
  pass(59)
  await use()
  await flush()
  expect(await lastUsed()).toBe(first)
  pass(1)
  await use()
  await flush()
  expect(await lastUsed()).toBe(now.toISOString())
})

test('no time goes back: what another process wrote later stays', async () => {
  const { use, lastUsed } = await enter()
  pass(3_600)
  await use()
  await flush()
  const latest = now.toISOString()
  pass(-600)
  await use()
  await flush()
  expect(await lastUsed()).toBe(latest)
  pass(600)
})
