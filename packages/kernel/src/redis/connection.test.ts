import { Writable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { createRedisBus } from '../bus/redis-bus.ts'
import { createLogger } from '../observability/logger.ts'
import { startRedisServer } from '../testing/redis-server.ts'
import { openRedis, RedisUnavailable } from './connection.ts'
import { openTestRedis, silent, type TestRedis } from './redis.fixture.ts'

const program = inject('redisServer')

/** A logger and the lines it wrote. */
function openLog() {
  const lines: string[] = []
  const destination = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(String(chunk))
      done()
    },
  })
  return { lines, logger: createLogger({ level: 'trace', destination }) }
}

async function millisecondsOf(work: Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work.catch(() => undefined)
  return performance.now() - startedAt
}

describe.skipIf(program === null)('a connection to Redis', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await openTestRedis(program)
  })
  afterAll(() => redis.close())

  test('is up when it is opened, and scripts run in it', async () => {
    const connection = await redis.connect()
    expect([connection.isUp(), connection.isCurrent()]).toEqual([true, true])
    const script = connection.script('return { KEYS[1], ARGV[1] }')
    expect(await script(['key'], [7])).toEqual(['key', '7'])
    await redis.empty()
    await connection.run((client) => client.script('FLUSH'))
    expect(await script(['key'], [8])).toEqual(['key', '8'])
  })

  test('fails once after a quarter of a second and then at once, while Redis hangs; and is up again by itself', async () => {
    const connection = await redis.connect()
    redis.server.freeze()
    const ping = () => connection.run((client) => client.ping())
    await expect(ping()).rejects.toThrow(RedisUnavailable)
    expect(connection.isUp()).toBe(false)
    expect(await millisecondsOf(Promise.all(Array.from({ length: 1_000 }, ping)))).toBeLessThan(200)
    await expect.poll(connection.isCurrent, { timeout: 2_000 }).toBe(false)

    redis.server.thaw()
    await expect.poll(connection.isUp, { timeout: 3_000 }).toBe(true)
    expect(await ping()).toBe('PONG')
  })

  test('is back soon after Redis, which may have come back empty', async () => {
    const connection = await redis.connect()
    await redis.server.kill()
    await expect.poll(connection.isCurrent).toBe(false)
    await redis.server.restart()
    await expect.poll(connection.isUp, { timeout: 3_000 }).toBe(true)
  })

  test('says once that Redis is gone and once that it is back', async () => {
    const { lines, logger } = openLog()
    const connection = await openRedis({ url: redis.server.url, logger })
    onTestFinished(() => connection.close())
    await redis.server.kill()
    await expect.poll(connection.isUp).toBe(false)
    await redis.server.restart()
    await expect.poll(connection.isUp, { timeout: 3_000 }).toBe(true)
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual([
      'redis is unreachable; this process goes on by itself',
      'redis is back',
    ])
  })

  test('may be opened before Redis is there', async () => {
    const server = await startRedisServer(String(program))
    onTestFinished(() => server.stop())
    await server.kill()
    const connection = await openRedis({ url: server.url, logger: silent, startMilliseconds: 50 })
    onTestFinished(() => connection.close())
    await expect(connection.run((client) => client.ping())).rejects.toThrow(RedisUnavailable)
    await server.restart()
    await expect.poll(connection.isUp, { timeout: 3_000 }).toBe(true)
  })

  test('a Redis that can no longer write counts as gone', async () => {
    const server = await startRedisServer(String(program), ['--min-replicas-to-write', '1'])
    onTestFinished(() => server.stop())
    const connection = await openRedis({ url: server.url, logger: silent, startMilliseconds: 500 })
    onTestFinished(() => connection.close())
    expect(connection.isUp()).toBe(false)
  })

  test('a wrong password is said without the password, and counted', async () => {
    const server = await startRedisServer(String(program), ['--requirepass', 'right-password'])
    onTestFinished(() => server.stop())
    const { lines, logger } = openLog()
    const errors: true[] = []
    const open = (password: string) =>
      openRedis({
        url: server.url.replace('//', `//:${password}@`),
        logger,
        onError: () => errors.push(true),
        startMilliseconds: 300,
      })
    const refused = await open('wrong-password')
    const accepted = await open('right-password')
    onTestFinished(() => Promise.all([refused.close(), accepted.close()]).then(() => undefined))

    expect([refused.isUp(), accepted.isUp()]).toEqual([false, true])
    expect(errors.length).toBeGreaterThan(0)
    expect(lines.join('')).toContain('WRONGPASS')
    expect(lines.join('')).not.toMatch(/wrong-password|right-password/)
  })

  test('what is no message of ours does no harm', async () => {
    const { lines, logger } = openLog()
    const connection = await openRedis({ url: redis.server.url, logger })
    onTestFinished(() => connection.close())
    createRedisBus(connection, logger)
    const heard: string[] = []
    connection.onMessage('cache', (message) => heard.push(message))
    await connection.run((client) => client.publish(connection.channel('bus'), 'not JSON'))
    await connection.run((client) => client.publish(connection.channel('cache'), 'later'))
    await expect.poll(() => heard).toEqual(['later'])
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['a message could not be handled'])
  })

  test('installations that use other databases of one server do not hear each other', async () => {
    const [first, second] = await Promise.all(
      ['', '/1'].map((path) => openRedis({ url: `${redis.server.url}${path}`, logger: silent })),
    )
    onTestFinished(() => Promise.all([first?.close(), second?.close()]).then(() => undefined))
    expect(first?.channel('bus')).not.toBe(second?.channel('bus'))
  })
})
