import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { createLastUses } from './service/last-use.ts'
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

test('memory is bounded: when as many keys wait as may, they are written before the minute is over', async () => {
  const { database, logger } = installation.dependencies
  const written: number[] = []
  const counting: typeof database = {
    ...database,
    platformUnit: (unit, work) => {
      written.push(1)
      return database.platformUnit(unit, work)
    },
  }
  const uses = createLastUses({ database: counting, clock, logger, mostNoted: 3 })
  for (const id of ['1', '2', '3', '4']) uses.note(`00000000-0000-7000-8000-00000000000${id}`)
  expect(written).toHaveLength(1)
  await uses.flush()
  expect(written).toHaveLength(2)
})

test('a database that is gone costs no call', async () => {
  const { database, logger } = installation.dependencies
  const gone: typeof database = { ...database, platformUnit: () => Promise.reject(new Error('gone')) }
  const uses = createLastUses({ database: gone, clock, logger, mostNoted: 10 })
  uses.note('00000000-0000-7000-8000-000000000001')
  await expect(uses.flush()).resolves.toBeUndefined()
})
