import { Redis } from 'ioredis'
import { createLogger } from '../observability/logger.ts'
import { type RedisServer, startRedisServer } from '../testing/redis-server.ts'
import { openRedis, type RedisConnection } from './connection.ts'

export const silent = createLogger({ level: 'silent' })

export interface TestRedis {
  server: RedisServer
  /** As one more process would. */
  connect(): Promise<RedisConnection>
  /** Forgets everything. */
  empty(): Promise<void>
  /** Makes what is stored this much older. */
  age(milliseconds: number): Promise<void>
  close(): Promise<void>
}

const ageScript = `
for _, key in ipairs(redis.call('KEYS', 'tenantry:limit:*')) do
  local left = redis.call('PTTL', key) - tonumber(ARGV[1])
  if left > 0 then redis.call('PEXPIRE', key, left) else redis.call('DEL', key) end
end`

/** A Redis of the suite's own; the suite is skipped where `program` is null. */
export async function openTestRedis(program: string | null): Promise<TestRedis> {
  if (program === null) throw new Error('There is no redis-server: skip what needs it.')
  const server = await startRedisServer(program)
  const connections: RedisConnection[] = []
  const connect = async () => {
    const redis = await openRedis({ url: server.url, logger: silent })
    connections.push(redis)
    return redis
  }
  // Not a connection like the others: a busy machine may answer it later than they would wait.
  const observer = new Redis(server.url)
  return {
    server,
    connect,
    empty: async () => {
      await observer.flushall()
    },
    age: async (milliseconds) => {
      await observer.eval(ageScript, 0, milliseconds)
    },
    close: async () => {
      observer.disconnect()
      await Promise.all(connections.map((redis) => redis.close()))
      await server.stop()
    },
  }
}
