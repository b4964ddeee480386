import { expect, test } from 'vitest'
import { createTenantCache } from './tenant-cache.ts'

const tenantId = '0192f0c1-0000-7000-8000-000000000001'

function openCache({ maxItems = 100 } = {}) {
  const state = { now: Date.parse('2026-01-01T00:00:00Z'), hits: 0, misses: 0 }
  const cache = createTenantCache({
    clock: { now: () => new Date(state.now) },
    maxItems,
    onHit: () => state.hits++,
    onMiss: () => state.misses++,
  })
  return { cache, state, read: <Value>(load: () => Promise<Value>) => cache.getOrLoad(tenantId, 'info', 60, load) }
}

const answering =
  <Value>(value: Value) =>
  async () =>
    value
const refusing = async (): Promise<never> => {
  throw new Error('loaded although it was cached')
}

test('a value is loaded once and then served until its time is over', async () => {
  const { read, state } = openCache()
  expect(await read(answering('first'))).toBe('first')
  state.now += 59_999
  expect(await read(refusing)).toBe('first')
  state.now += 1
  expect(await read(answering('second'))).toBe('second')
  expect(state).toMatchObject({ hits: 1, misses: 2 })
})

test('a reader gets nothing older than it asked for, and leaves it to those that are content with it', async () => {
  const { cache, read, state } = openCache()
  const readFresh = <Value>(load: () => Promise<Value>) => cache.getOrLoad(tenantId, 'info', 1, load)
  await read(answering('first'))
  state.now += 999
  expect(await readFresh(refusing)).toBe('first')
  state.now += 1
  expect(await read(refusing)).toBe('first')
  const [old, fresh] = await Promise.all([read(refusing), readFresh(answering('second'))])
  expect([old, fresh]).toEqual(['first', 'second'])
  expect(await read(refusing)).toBe('second')
})

test('callers that miss at the same time share one load', async () => {
  const { read, state } = openCache()
  let loads = 0
  const load = async () => ++loads
  const answers = await Promise.all(Array.from({ length: 20 }, () => read(load)))
  expect(new Set(answers)).toEqual(new Set([1]))
  expect(state.misses).toBe(20)
})

test('nothing is shared between tenants or names', async () => {
  const { cache } = openCache()
  await cache.getOrLoad('one', 'info', 60, answering('info of one'))
  expect(await cache.getOrLoad('other', 'info', 60, answering('info of other'))).toBe('info of other')
  expect(await cache.getOrLoad('one', 'usage', 60, answering('usage of one'))).toBe('usage of one')
  expect(await cache.getOrLoad('one', 'info', 60, refusing)).toBe('info of one')
})

test('an invalidated value is loaded anew', async () => {
  const { cache, read } = openCache()
  await read(answering('old'))
  await cache.invalidate(tenantId, 'info')
  expect(await read(answering('new'))).toBe('new')
})

test('who asks after an invalidation never gets what a load from before it brings', async () => {
  const { cache, read } = openCache()
  const slow = Promise.withResolvers<string>()
  const before = read(() => slow.promise)
  await cache.invalidate(tenantId, 'info')
  const after = read(answering('new'))
  slow.resolve('old')
  expect(await before).toBe('old')
  expect(await after).toBe('new')
  expect(await read(refusing)).toBe('new')
})

test('what a load from before an invalidation brings is not stored', async () => {
  const { cache, read } = openCache()
  const slow = Promise.withResolvers<string>()
  const before = read(() => slow.promise)
  await cache.invalidate(tenantId, 'info')
  slow.resolve('old')
  await before
  expect(await read(answering('new'))).toBe('new')
})

test('an invalidation at the very moment of storing wins', async () => {
  for (let steps = 0; steps < 40; steps++) {
    const { cache, read } = openCache()
    const slow = Promise.withResolvers<string>()
    const before = read(() => slow.promise)
    slow.resolve('old')
    for (let step = 0; step < steps; step++) await Promise.resolve()
    await cache.invalidate(tenantId, 'info')
    expect(await read(answering('new')), `${steps} steps after the load`).toBe('new')
    await before
  }
})

test('a failed load reaches all who waited and is not kept', async () => {
  const { read } = openCache()
  const failing = async () => {
    throw new Error('database gone')
  }
  const answers = await Promise.allSettled([read(failing), read(failing)])
  expect(answers.map((answer) => answer.status)).toEqual(['rejected', 'rejected'])
  expect(await read(answering('back'))).toBe('back')
})

test('null is a value like any other', async () => {
  const { read } = openCache()
  await read(answering(null))
  expect(await read(refusing)).toBeNull()
})

test('an update changes what is there and keeps the time it has left', async () => {
  const { cache, read, state } = openCache()
  await read(answering({ used: 1 }))
  state.now += 40_000
  await cache.update<{ used: number }>(tenantId, 'info', ({ used }) => ({ used: used + 1 }))
  expect(await read(refusing)).toEqual({ used: 2 })
  state.now += 20_000
  expect(await read(answering({ used: 9 }))).toEqual({ used: 9 })
})

test('an update of what is not there, or no longer, makes nothing', async () => {
  const { cache, read, state } = openCache()
  const change = () => {
    throw new Error('there was nothing to change')
  }
  await cache.update(tenantId, 'info', change)
  await read(answering('old'))
  state.now += 60_000
  await cache.update(tenantId, 'info', change)
  expect(await read(answering('new'))).toBe('new')
})

test('concurrent updates all count', async () => {
  const { cache, read } = openCache()
  await read(answering(0))
  await Promise.all(Array.from({ length: 50 }, () => cache.update<number>(tenantId, 'info', (used) => used + 1)))
  expect(await read(refusing)).toBe(50)
})

test('a load that runs during an update is not stored: it may or may not have seen the change', async () => {
  const { cache, read } = openCache()
  const slow = Promise.withResolvers<number>()
  const before = read(() => slow.promise)
  await cache.update<number>(tenantId, 'info', (used) => used + 1)
  slow.resolve(1)
  await before
  expect(await read(answering(2))).toBe(2)
})

test('a failed update leaves the value and does not hold up the next', async () => {
  const { cache, read } = openCache()
  await read(answering(1))
  const failing = cache.update(tenantId, 'info', () => {
    throw new Error('no')
  })
  const next = cache.update<number>(tenantId, 'info', (used) => used + 1)
  await expect(failing).rejects.toThrow('no')
  await next
  expect(await read(refusing)).toBe(2)
})

test('the oldest entry goes when the cache is full', async () => {
  const { cache } = openCache({ maxItems: 2 })
  for (const tenant of ['a', 'b', 'c']) await cache.getOrLoad(tenant, 'info', 60, answering(tenant))
  expect(await cache.getOrLoad('c', 'info', 60, refusing)).toBe('c')
  expect(await cache.getOrLoad('a', 'info', 60, answering('again'))).toBe('again')
})
