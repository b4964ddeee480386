import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { openTestRedis, type TestRedis } from '../redis/redis.fixture.ts'
import { testRateLimits } from './rate-limits.fixture.ts'
import { createSharedRateLimits } from './shared-rate-limits.ts'

const program = inject('redisServer')
const hundred = { points: 100, windowSeconds: 60 }

describe.skipIf(program === null)('rate limits over Redis', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await openTestRedis(program)
  })
  afterAll(() => redis.close())

  testRateLimits(async () => {
    await redis.empty()
    return { limits: createSharedRateLimits(await redis.connect()), wait: redis.age }
  })

  test('several processes let through exactly the budget of one', async () => {
    await redis.empty()
    const processes = await Promise.all([1, 2, 3].map(async () => createSharedRateLimits(await redis.connect())))
    const calls = Array.from({ length: 120 }, () => processes.map((limits) => limits.consume('read', 'a', hundred)))
    const decisions = await Promise.all(calls.flat())
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(100)
  })

  test('without Redis each process counts by itself, and refuses nobody whom Redis would have let through', async () => {
    await redis.empty()
    const limits = createSharedRateLimits(await redis.connect())
    for (let call = 0; call < 60; call++) await limits.consume('read', 'a', hundred)
    await redis.server.kill()
    const decisions = await Promise.all(Array.from({ length: 150 }, () => limits.consume('read', 'a', hundred)))
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(100)
    await limits.refund('read', 'a', decisions[0]?.window ?? '')
    expect((await limits.consume('read', 'a', hundred)).allowed).toBe(true)
    await redis.server.restart()
  })
})
