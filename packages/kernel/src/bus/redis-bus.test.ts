import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { openTestRedis, silent, type TestRedis } from '../redis/redis.fixture.ts'
import { createRedisBus } from './redis-bus.ts'

const program = inject('redisServer')

describe.skipIf(program === null)('a bus over Redis', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await openTestRedis(program)
  })
  afterAll(() => redis.close())

  async function openProcess() {
    const bus = createRedisBus(await redis.connect(), silent)
    onTestFinished(() => bus.close())
    const heard: unknown[] = []
    bus.subscribe('news', (message) => heard.push(message))
    return { bus, heard }
  }

  test('a message reaches every process exactly once, the own one before publishing ends', async () => {
    const [one, other] = [await openProcess(), await openProcess()]
    await one.bus.publish('news', { tenant: 'acme', version: 7 })
    expect(one.heard).toEqual([{ tenant: 'acme', version: 7 }])
    await expect.poll(() => other.heard).toEqual([{ tenant: 'acme', version: 7 }])

    // Messages keep their order: by the time the second is there, the first would have come back.
    await other.bus.publish('news', 'second')
    await expect.poll(() => one.heard).toEqual([{ tenant: 'acme', version: 7 }, 'second'])
  })

  test('other channels and those who left hear nothing', async () => {
    const [one, other] = [await openProcess(), await openProcess()]
    const left: unknown[] = []
    other.bus.subscribe('news', (message) => left.push(message))()
    await one.bus.publish('gossip', 'not for everybody')
    await one.bus.publish('news', 'for everybody')
    await expect.poll(() => other.heard).toEqual(['for everybody'])
    expect(left).toEqual([])
  })

  test('a listener that fails does not keep the message from the others', async () => {
    const [one, other] = [await openProcess(), await openProcess()]
    const heard: unknown[] = []
    one.bus.subscribe('news', () => {
      throw new Error('a bad listener')
    })
    one.bus.subscribe('news', (message) => heard.push(message))
    await one.bus.publish('news', 'anyway')
    await expect.poll(() => other.heard).toEqual(['anyway'])
    expect(heard).toEqual(['anyway'])
  })

  test('while Redis is gone messages reach this process, and its return is told', async () => {
    const [one, other] = [await openProcess(), await openProcess()]
    const recovered: string[] = []
    one.bus.onRecovered(() => recovered.push('one'))
    other.bus.onRecovered(() => recovered.push('other'))

    await redis.server.kill()
    await one.bus.publish('news', 'unheard')
    expect(one.heard).toEqual(['unheard'])
    await redis.server.restart()
    await expect.poll(() => recovered.toSorted(), { timeout: 5_000 }).toEqual(['one', 'other'])

    await one.bus.publish('news', 'heard again')
    await expect.poll(() => other.heard).toEqual(['heard again'])
  })
})
