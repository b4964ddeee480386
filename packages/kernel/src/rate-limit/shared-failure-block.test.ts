import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createRedisBus } from '../bus/redis-bus.ts'
import { type Clock, systemClock } from '../context/clock.ts'
import { openTestRedis, silent, type TestRedis } from '../redis/redis.fixture.ts'
import { testFailureBlock } from './failure-block.fixture.ts'
import { createSharedFailureBlock } from './shared-failure-block.ts'

const program = inject('redisServer')
const address = '192.0.2.1'
const minute = 60

describe.skipIf(program === null)('blocks over Redis', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await openTestRedis(program)
  })
  afterAll(() => redis.close())

  async function openProcess(clock: Clock = systemClock) {
    const connection = await redis.connect()
    return createSharedFailureBlock({
      redis: connection,
      bus: createRedisBus(connection, silent),
      clock,
      kind: 'address',
    })
  }

  testFailureBlock(async (clock) => {
    await redis.empty()
    return openProcess(clock)
  })

  test('failures at several processes add up, and all of them block', async () => {
    await redis.empty()
    const [one, other] = [await openProcess(), await openProcess()]
    for (let failure = 0; failure < 5; failure++) await one.recordFailure(address)
    for (let failure = 0; failure < 4; failure++) await other.recordFailure(address)
    expect(await one.recordFailure(address)).toBe(true)
    expect(one.blockedSeconds(address)).toBe(minute)
    await expect.poll(() => other.blockedSeconds(address)).toBe(minute)
    expect(await other.recordFailure(address)).toBe(false)
  })

  test('a process that starts later learns of a block with the first failure', async () => {
    await redis.empty()
    const one = await openProcess()
    for (let failure = 0; failure < 10; failure++) await one.recordFailure(address)
    const late = await openProcess()
    expect(await late.recordFailure(address)).toBe(false)
    expect(late.blockedSeconds(address)).toBeGreaterThan(minute - 10)
  })

  test('what is lifted at one process is lifted at all, and one that starts later lists what goes on', async () => {
    await redis.empty()
    const [one, other] = [await openProcess(), await openProcess()]
    for (const each of [address, '192.0.2.2'])
      for (let failure = 0; failure < 10; failure++) await one.recordFailure(each)
    const late = await openProcess()
    expect((await late.list()).map(({ subject }) => subject).sort()).toEqual([address, '192.0.2.2'])
    await expect.poll(() => other.blockedSeconds(address)).toBe(minute)
    await late.lift(address)
    await expect.poll(() => [one, other].map((each) => each.blockedSeconds(address))).toEqual([0, 0])
    expect((await one.list()).map(({ subject }) => subject)).toEqual(['192.0.2.2'])
    expect(await (await openProcess()).list()).toHaveLength(1)
  })

  test('without Redis each process blocks by itself', async () => {
    await redis.empty()
    const block = await openProcess()
    await redis.server.kill()
    for (let failure = 0; failure < 9; failure++) expect(await block.recordFailure(address)).toBe(false)
    expect(await block.recordFailure(address)).toBe(true)
    expect(block.blockedSeconds(address)).toBe(minute)
    await redis.server.restart()
  })
})
