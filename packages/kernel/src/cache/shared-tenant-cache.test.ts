import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import type { RedisConnection } from '../redis/connection.ts'
import { openTestRedis, type TestRedis } from '../redis/redis.fixture.ts'
import { createSharedEntries } from './shared-entries.ts'
import { createTenantCache } from './tenant-cache.ts'

const program = inject('redisServer')

const answering =
  <Value>(value: Value) =>
  async () =>
    value
const refusing = async (): Promise<never> => {
  throw new Error('loaded although it was kept')
}

describe.skipIf(program === null)('a cache that processes share', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await openTestRedis(program)
  })
  afterAll(() => redis.close())

  /** One process; each test has a tenant of its own. */
  async function openProcess(tenantId: string, reach: (redis: RedisConnection) => RedisConnection = (own) => own) {
    const connection = await redis.connect()
    const cache = createTenantCache({ maxItems: 100, shared: createSharedEntries(reach(connection)) })
    return {
      connection,
      read: <Value>(load: () => Promise<Value>) => cache.getOrLoad(tenantId, 'info', 60, load),
      invalidate: () => cache.invalidate(tenantId, 'info'),
      update: (change: (value: number) => number) => cache.update(tenantId, 'info', change),
    }
  }
  const openTwo = async (tenantId: string) => [await openProcess(tenantId), await openProcess(tenantId)] as const

  /** What a process stores for the others it stores behind the back of its caller. */
  const reads = (process: Awaited<ReturnType<typeof openProcess>>, value: unknown) =>
    expect.poll(() => process.read(refusing).catch(() => 'nothing')).toEqual(value)

  test('what one process loads the others need not', async () => {
    const [one, other] = await openTwo('loads')
    const info = { name: 'Acme', features: ['sso'], seats: null }
    await one.read(answering(info))
    await reads(other, info)
  })

  test('a reader that asks for a second gets nothing older from another process that asked for more', async () => {
    const [{ connection: first }, { connection: second }] = await openTwo('older')
    const clock = { now: () => new Date(Date.now() + 3_000) }
    const one = createTenantCache({ maxItems: 100, shared: createSharedEntries(first) })
    const later = createTenantCache({ clock, maxItems: 100, shared: createSharedEntries(second) })
    await one.getOrLoad('older', 'usage', 60, answering('old'))
    await expect.poll(() => later.getOrLoad('older', 'usage', 60, answering('new'))).toBe('old')
    expect(await later.getOrLoad('older', 'usage', 1, answering('new'))).toBe('new')
  })

  test('an invalidation reaches every process at once', async () => {
    const [one, other] = await openTwo('invalidates')
    for (let round = 1; round <= 50; round++) {
      await one.read(answering(round))
      await other.read(answering(round))
      await one.invalidate()
      const startedAt = performance.now()
      await expect.poll(() => other.read(answering(`after ${round}`)), { interval: 1 }).toBe(`after ${round}`)
      expect(performance.now() - startedAt).toBeLessThan(1_000)
      await other.invalidate()
      await expect.poll(() => one.read(answering('next')), { interval: 1 }).toBe('next')
      await one.invalidate()
    }
  })

  test('a slow load brings nothing past an invalidation by another process, even one not heard of yet', async () => {
    for (const hearing of ['deaf', 'hearing']) {
      const key = `slow-${hearing}`
      const deaf = (own: RedisConnection): RedisConnection => ({ ...own, onMessage: () => () => undefined })
      const slow = await openProcess(key, hearing === 'deaf' ? deaf : undefined)
      const [other, reader] = await openTwo(key)
      const database = Promise.withResolvers<string>()
      const before = slow.read(() => database.promise)
      // The ticket is drawn once the load runs.
      const drawn = () => slow.connection.run((client) => client.exists(`tenantry:cache:tenant:info:${key}`))
      await expect.poll(drawn).toBe(1)
      await other.invalidate()
      await other.read(answering('new'))
      database.resolve('old')
      expect(await before).toBe('old')
      // What it would store is stored before this is answered.
      await drawn()
      await reads(reader, 'new')
      if (hearing === 'hearing') expect(await slow.read(answering('new'))).toBe('new')
    }
  })

  test('an invalidation during a load of another process keeps its result from all who ask afterwards', async () => {
    for (let steps = 0; steps < 30; steps++) {
      const [loading, changing] = await openTwo(`race-${steps}`)
      let committed = 'old'
      const load = async () => committed
      const before = loading.read(load)
      for (let step = 0; step < steps; step++) await new Promise(setImmediate)
      committed = 'new'
      await changing.invalidate()
      await before
      await expect.poll(() => loading.read(load), { interval: 1, timeout: 900 }).toBe('new')
      expect(await changing.read(load)).toBe('new')
      await Promise.all([loading.connection.close(), changing.connection.close()])
    }
  })

  test('who reads while an invalidation is on its way to Redis does not bring the old value back', async () => {
    let way: Promise<void> | undefined
    const long = (own: RedisConnection): RedisConnection => ({
      ...own,
      run: async (work) => {
        await way
        return own.run(work)
      },
    })
    const process = await openProcess('on its way', long)
    await process.read(answering('old'))
    const arrival = Promise.withResolvers<void>()
    way = arrival.promise
    const invalidating = process.invalidate()
    for (let read = 0; read < 10; read++) {
      await process.read(answering('new'))
      await new Promise(setImmediate)
    }
    arrival.resolve()
    await invalidating
    expect(await process.read(answering('new'))).toBe('new')
  })

  test('an update is seen at once where it was made, and leaves nothing older elsewhere', async () => {
    const [one, other] = await openTwo('updates')
    let committed = 1
    const load = async () => committed
    expect(await one.read(load)).toBe(1)
    expect(await other.read(load)).toBe(1)
    committed = 2
    await one.update((value) => value + 1)
    expect(await one.read(refusing)).toBe(2)
    await expect.poll(() => other.read(load), { interval: 1, timeout: 900 }).toBe(2)
    const late = await openProcess('updates')
    expect(await late.read(load)).toBe(2)
  })

  test('without Redis nothing is kept for a second, right from the moment it is gone', async () => {
    for (const leave of ['freeze', 'kill'] as const) {
      const [one, other] = await openTwo(`gone-${leave}`)
      let committed = 'old'
      const load = async () => committed
      await one.read(load)
      await other.read(load)
      await redis.server[leave]()
      committed = 'new'
      const changedAt = performance.now()
      await one.invalidate()
      expect(await one.read(load)).toBe('new')
      let lastOldAt = changedAt
      for (;;) {
        const askedAt = performance.now()
        if ((await other.read(load)) === 'new') break
        lastOldAt = askedAt
        await delay(5)
      }
      expect(lastOldAt - changedAt).toBeLessThan(1_000)

      const loads: string[] = []
      const readOften = () => other.read(async () => loads.push('again'))
      for (let call = 0; call < 50; call++) await readOften()
      expect(loads.length).toBeLessThan(3)
      if (leave === 'freeze') redis.server.thaw()
      else await redis.server.restart()
      await expect.poll(() => one.connection.isUp() && other.connection.isUp(), { timeout: 5_000 }).toBe(true)
    }
  })

  test('what Redis kept through a time in which it could not be told of changes is not believed afterwards', async () => {
    const [one, other] = await openTwo('outage')
    await one.read(answering('old'))
    await reads(other, 'old')
    redis.server.freeze()
    const isCurrent = () => one.connection.isCurrent() || other.connection.isCurrent()
    await expect.poll(isCurrent, { timeout: 3_000 }).toBe(false)
    // The change happened in a process that has not lived to tell.
    redis.server.thaw()
    await expect.poll(() => one.connection.isUp() && other.connection.isUp(), { timeout: 5_000 }).toBe(true)
    expect(await other.read(answering('new'))).toBe('new')
    expect(await one.read(answering('new'))).toBe('new')
  })

  test('a process that lost Redis alone tells the others as soon as it is back', async () => {
    let cut = false
    const cuttable = (own: RedisConnection): RedisConnection => ({
      ...own,
      isUp: () => !cut && own.isUp(),
      run: (work) => (cut ? Promise.reject(new Error('cut')) : own.run(work)),
      onUp: (listener) => {
        mend = listener
        return () => undefined
      },
    })
    let mend = () => {}
    const lonely = await openProcess('alone', cuttable)
    const other = await openProcess('alone')
    await other.read(answering('old'))
    cut = true
    await lonely.invalidate()
    expect(await other.read(refusing)).toBe('old')
    cut = false
    mend()
    await expect.poll(() => other.read(answering('new')), { interval: 1 }).toBe('new')
  })
  test('a process that lost Redis alone and ends before it is back tells the others at the end', async () => {
    const cut = (own: RedisConnection): RedisConnection => ({ ...own, run: () => Promise.reject(new Error('cut')) })
    const [lonely, other] = [await openProcess('ends', cut), await openProcess('ends')]
    await other.read(answering('old'))
    await lonely.invalidate()
    expect(await other.read(refusing)).toBe('old')
    await lonely.connection.close()
    await expect.poll(() => other.read(answering('new')), { interval: 1 }).toBe('new')
  })

  test('a process ends in time though there is something left to tell and Redis hangs', async () => {
    const lonely = await openProcess('hangs')
    redis.server.freeze()
    await lonely.invalidate()
    const startedAt = performance.now()
    await lonely.connection.close()
    expect(performance.now() - startedAt).toBeLessThan(1_000)
    redis.server.thaw()
  })
})
