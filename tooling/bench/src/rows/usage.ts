import { insertTenant } from '@tenantry/control-plane/capabilities/tenant/index'
import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import { newId } from '@tenantry/kernel/tenancy/id'
import pg from 'pg'
import { apiScript, openApi } from '../api.ts'
import { superuserUrl, useDataFolder } from '../data-folder.ts'
import { openInstallation, readConfig } from '../installation.ts'
import { httpLoad, processLoad, type Target } from '../load.ts'
import { startServer } from '../process.ts'
import { type Comparison, compare, type Row } from '../row.ts'

const spreadOver = 1_000

const inProcess = [
  { tenants: spreadOver, callers: 256, goal: 2 },
  { tenants: 1, callers: 256, goal: 8 },
  { tenants: spreadOver, callers: 64, goal: 0 },
  { tenants: spreadOver, callers: 16, goal: 0 },
  { tenants: spreadOver, callers: 1, goal: 0 },
]

export const usageRows: Row[] = [
  ...inProcess.map(({ tenants, callers, goal }) => ({
    name: `usage.consume in process, ${tenants === 1 ? 'one hot tenant' : `${tenants} tenants`}, ${callers} in flight`,
    ceiling: 'INSERT of the event and INSERT … ON CONFLICT of the counter, for each event',
    goal,
    measure: (held: AsyncDisposableStack) => measureInProcess(held, tenants, callers),
  })),
  {
    name: 'usage.consume over HTTP',
    ceiling: 'empty operation by REST, without a body',
    goal: 0.5,
    measure: (held) => measureOverHttp(held, 'consume', { json: { metric: 'bandwidth', amount: 1 } }),
  },
  {
    name: 'usage.trackBatch over HTTP, 1000 events a request',
    ceiling: 'empty operation by REST, without a body',
    goal: 0,
    measure: (held) => {
      const events = Array.from({ length: 1_000 }, () => ({ metric: 'bandwidth', amount: 1 }))
      // As many as an account may have waiting: more is refused, event by event.
      return measureOverHttp(held, 'batch', { json: { events }, connections: 8, refusal: '"rejected"' })
    },
  },
]

/** Every event has a key of its own, on both sides. */
async function measureInProcess(held: AsyncDisposableStack, tenants: number, callers: number): Promise<Comparison> {
  const dataFolder = await useDataFolder(held)
  const config = readConfig({ DATA_DIR: dataFolder, LOG_LEVEL: 'warn' })
  const { dependencies, close } = await openInstallation(config)
  held.defer(close)
  const pool = new pg.Pool({ connectionString: await superuserUrl(dataFolder), max: config.DATABASE_POOL_SIZE })
  // A session that the end of the server is quicker than.
  pool.on('error', () => undefined)
  held.defer(() => pool.end())
  await pool.query(ceilingTables)
  const tenantIds = await createTenants(dependencies, tenants)
  const tenantAt = (index: number) => tenantIds[index % tenants] ?? ''
  return compare(
    processLoad((index) => consume(dependencies, tenantAt(index)), callers),
    processLoad(async (index) => void (await pool.query({ ...insert, values: [tenantAt(index), newId()] })), callers),
  )
}

async function consume({ services, clock }: Dependencies, tenantId: string): Promise<void> {
  const occurredAt = clock.now()
  const day = occurredAt.toISOString().slice(0, 10)
  const month = `${day.slice(0, 7)}-01`
  const { outcome } = await services.metering.write({
    tenantId,
    meter: 'bandwidth',
    period: month,
    span: month,
    isCurrent: true,
    id: newId(),
    key: newId(),
    amount: 1,
    mode: 'consume',
    sequence: null,
    day,
    occurredAt,
    properties: null,
  })
  if (outcome !== 'counted') throw new Error(`The event was answered ${outcome}`)
}

const ceilingTables = /* sql */ `
create table public.bench_events (tenant_id uuid, key text, amount bigint, primary key (tenant_id, key));
create table public.bench_counters (tenant_id uuid primary key, used bigint) with (fillfactor = 50);`

/** Prepared once for each connection. */
const insert = {
  name: 'bench_insert',
  text: /* sql */ `with event as (insert into public.bench_events values ($1, $2, 1))
    insert into public.bench_counters as c values ($1, 1) on conflict (tenant_id) do update set used = c.used + 1`,
}

async function createTenants({ database, clock }: Dependencies, count: number): Promise<string[]> {
  const actor = { type: 'system', name: 'bench' } as const
  const ids: string[] = []
  for (let index = 0; index < count; index++) {
    const slug = `bench-${index}`
    const tenant = { slug, name: slug, plan: 'enterprise', contactEmail: `owner@${slug}.test`, createdAt: clock.now() }
    ids.push((await database.platformUnit({ actor, readOnly: false }, (em) => insertTenant(em, tenant))).id)
  }
  return ids
}

async function measureOverHttp(
  held: AsyncDisposableStack,
  path: string,
  sent: Pick<Target, 'json' | 'connections' | 'refusal'>,
): Promise<Comparison> {
  const { origin, headers } = await openApi(held, apiScript)
  const script = new URL('../servers/empty.ts', import.meta.url)
  const ceiling = await startServer(held, { script, ready: '/api/v1/empty' })
  return compare(
    httpLoad({ url: `${origin}/api/v1/tenants/current/usage/${path}`, headers, ...sent }),
    httpLoad({ url: `${ceiling.origin}/api/v1/empty`, headers }),
  )
}
