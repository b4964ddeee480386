import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import type { Bus } from '../bus/bus.ts'
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

  test('a process that did not hear of the end of a block lets in when it hears again, whatever it blocked alone', async () => {
    await redis.empty()
    const [connection, deafConnection] = [await redis.connect(), await redis.connect()]
    const heard = { current: true }
    const bus = createRedisBus(deafConnection, silent)
    const recoveries: (() => void)[] = []
    const deafBus: Bus = {
      ...bus,
      subscribe: (channel, listener) => bus.subscribe(channel, (message) => heard.current && listener(message)),
      onRecovered: (listener) => {
        recoveries.push(listener)
        return () => undefined
      },
    }
    const given = { clock: systemClock, kind: 'address' }
    const one = createSharedFailureBlock({ ...given, redis: connection, bus: createRedisBus(connection, silent) })
    const deaf = createSharedFailureBlock({ ...given, redis: deafConnection, bus: deafBus })
    const others = ['192.0.2.2', '192.0.2.3']
    for (const each of [address, ...others])
      for (let failure = 0; failure < 10; failure++) await one.recordFailure(each)
    await expect.poll(() => deaf.blockedSeconds('192.0.2.3')).toBe(minute)
    heard.current = false
    for (const lifted of [address, '192.0.2.2']) await one.lift(lifted)
    expect(deaf.blockedSeconds(address)).toBe(minute)
    heard.current = true
    for (const recovered of recoveries) recovered()
    await expect.poll(() => deaf.blockedSeconds(address)).toBe(0)
    expect([...others].map((each) => deaf.blockedSeconds(each) > 0)).toEqual([false, true])
  })

  test('a lift ends also what a process has blocked alone', async () => {
    await redis.empty()
    const [one, other] = [await openProcess(), await openProcess()]
    await redis.server.kill()
    for (let failure = 0; failure < 10; failure++) await other.recordFailure(address)
    expect(other.blockedSeconds(address)).toBe(minute)
    await redis.server.restart()
    for (const each of [address, '192.0.2.2']) {
      const fail = () => one.recordFailure(each).then(() => one.blockedSeconds(each))
      await expect.poll(fail).toBe(minute)
    }
    await expect.poll(() => other.blockedSeconds('192.0.2.2')).toBe(minute)
    await one.lift(address)
    await expect.poll(() => other.blockedSeconds(address)).toBe(0)
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
