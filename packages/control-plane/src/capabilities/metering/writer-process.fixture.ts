import { createLogger } from '@tenantry/kernel/observability/logger'
import { createMetrics } from '@tenantry/kernel/observability/metrics'
import { openDatabase } from '@tenantry/kernel/tenancy/unit-of-work'
import { entities } from '../../entities.ts'
import { loadCatalogue } from '../plan/index.ts'
import type { UsageItem } from './rules/batch.ts'
import { createMetering } from './service/metering.ts'
import type { WriterOrder, WriterReport } from './writers.fixture.ts'

/** A process of its own that counts what it is sent, all of it at once, and reports each answer when it has it. */
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
const metering = createMetering({
  database,
  clock: { now: () => new Date() },
  logger: createLogger({ level: 'silent' }),
  metrics: createMetrics(),
  catalogue: loadCatalogue(),
  replacesCatalogue: true,
  announce: async () => undefined,
  remember: async () => undefined,
  forget: async () => undefined,
})

const send = (report: WriterReport) => process.send?.(report)

process.on('message', async ({ items }: WriterOrder) => {
  await Promise.all(
    items.map(async (item, index) => {
      const revived: UsageItem = { ...item, occurredAt: new Date(item.occurredAt) }
      const outcome = await metering.write(revived).then(
        (written) => written.outcome,
        (error: { code?: string }) => error.code ?? String(error),
      )
      send({ index, outcome })
    }),
  )
  send('done')
})
send('ready')
