import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RedisServer, startRedisServer } from '@tenantry/kernel/testing/redis-server'
import { bearer } from './http.ts'
import {
  openProductionSite,
  type ProductionProcess,
  type ProductionSite,
  startProduction,
} from './production-process.ts'

type Environment = Record<string, string>

/** An installation that serves from several processes, on one database and one Redis. */
export interface RedisSite extends ProductionSite {
  redis: RedisServer
  /** With budgets that no test uses up. */
  generous: Environment
  start(environment?: Environment): Promise<ProductionProcess>
}

export const metricsToken = 'a-token-for-prometheus'
const catalogue = new URL('../../../packages/control-plane/catalogue/default.yaml', import.meta.url)

export async function openRedisSite(program: string | null): Promise<RedisSite> {
  if (program === null) throw new Error('There is no redis-server: skip what needs it.')
  const [site, redis, folder] = await Promise.all([
    openProductionSite(),
    startRedisServer(program),
    mkdtemp(join(tmpdir(), 'tenantry-catalogue-')),
  ])
  const generousFile = join(folder, 'catalogue.yaml')
  const text = await readFile(catalogue, 'utf8')
  await writeFile(generousFile, text.replaceAll(/(PerMinute|PerHour): [\d_]+/g, '$1: 1000000'))
  const environment = { ...site.environment, REDIS_URL: redis.url, METRICS_TOKEN: metricsToken, LOG_REQUESTS: 'false' }
  return {
    ...site,
    redis,
    environment,
    generous: { PLAN_CATALOGUE: generousFile },
    start: (changes = {}) => startProduction({ ...environment, ...changes }),
    close: async () => {
      await Promise.all([site.close(), redis.stop(), rm(folder, { recursive: true })])
    },
  }
}

type Sender = Pick<ProductionProcess, 'send'>

/** The value of one line of `/metrics`. */
export async function metric(api: Sender, line: string): Promise<number> {
  const { text } = await api.send('/metrics', { headers: bearer(metricsToken) })
  const found = text.split('\n').find((each) => each.startsWith(`${line} `))
  return Number(found?.slice(line.length))
}

/** What `/readyz` says of Redis. It says 200 whatever that is. */
export async function redisState(api: Sender): Promise<string> {
  const { status, json } = await api.send('/readyz')
  return status === 200 ? json.checks.redis : `not ready: ${status}`
}
