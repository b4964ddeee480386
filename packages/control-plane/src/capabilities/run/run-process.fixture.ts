import { createLogger } from '@tenantry/kernel/observability/logger'
import { createMetrics } from '@tenantry/kernel/observability/metrics'
import { newId } from '@tenantry/kernel/tenancy/id'
import { openDatabase } from '@tenantry/kernel/tenancy/unit-of-work'
import { entities } from '../../entities.ts'
import { createMetering } from '../metering/index.ts'
import { loadCatalogue } from '../plan/index.ts'
import { endRun, renewRun, startRun } from './repository/write.ts'
import { itemOf, type RunnerOrder, type RunnerReport } from './runners.fixture.ts'

/** A process of its own that starts, renews and ends runs of one tenant as it is told, and reports what became of them. */
const {
  TENANTRY_APP_URL = '',
  TENANTRY_PLATFORM_URL = '',
  TENANTRY_SIGNING_KEY = '',
} = JSON.parse(process.argv[2] ?? '{}') as Record<string, string>

const database = await openDatabase({
  appUrl: TENANTRY_APP_URL,
  platformUrl: TENANTRY_PLATFORM_URL,
  entities,
  signingKey: { kid: 'test', secret: Buffer.from(TENANTRY_SIGNING_KEY, 'hex') },
  poolSize: 4,
  statementTimeoutMilliseconds: 15_000,
})

/** Goes on by steps, from one look to the next, and may tell less than it did before: as the clocks of several hosts do. */
let spread = 0
let looks = 0
const begin = Date.now()
const clock = {
  now: () => {
    looks += 1
    return new Date(spread === 0 ? Date.now() : begin + looks * 20 + Math.floor(Math.random() * spread))
  },
}
const metering = createMetering({
  database,
  clock,
  logger: createLogger({ level: 'silent' }),
  metrics: createMetrics(),
  catalogue: loadCatalogue(),
  replacesCatalogue: true,
  announce: async () => undefined,
  remember: async () => undefined,
  forget: async () => undefined,
})

const send = (report: RunnerReport) => process.send?.(report)

async function attempt({ tenantId, leaseSeconds, heartbeats, outcome }: RunnerOrder): Promise<string> {
  const item = itemOf(tenantId, newId())
  const started = await metering.onAccount(tenantId, (given) =>
    startRun(given, { item, workload: 'race', parameters: null, leaseSeconds }),
  )
  if (started.outcome === 'refused') return started.meter
  if (started.outcome === 'uncounted') return item.meter
  if (started.outcome !== 'started') return started.outcome
  send({ started: item.id })
  for (let beat = 0; beat < heartbeats; beat++) {
    await metering.onAccount(tenantId, (given) => renewRun(given, { tenantId, id: item.id }))
  }
  if (outcome === null) return 'held'
  const wanted = { tenantId, id: item.id, state: outcome, currentPeriod: item.period, eventId: newId() }
  const ended = await metering.onAccount(tenantId, (given) => endRun(given, wanted))
  return ended.outcome === 'ended_now' ? outcome : ended.outcome
}

process.on('message', async (order: RunnerOrder) => {
  spread = order.clockSpreadMilliseconds
  const outcomes: string[] = []
  const loop = async () => {
    for (let n = 0; n < order.attempts; n++) {
      outcomes.push(await attempt(order).catch((error: { code?: string }) => error.code ?? String(error)))
    }
  }
  await Promise.all([loop(), loop()])
  send({ outcomes })
})
send('ready')
