import { createInternalCaller, type InternalCall } from '@tenantry/control-plane/caller'
import type { Dependencies, TenantCache } from '@tenantry/kernel/context/dependencies'
import pg from 'pg'
import { superuserUrl, useDataFolder } from '../data-folder.ts'
import { openInstallation, readConfig } from '../installation.ts'
import { processLoad } from '../load.ts'
import { type Comparison, compare, type Row } from '../row.ts'

const few = 10
const many = 100_000
const limit = 50
/** A third more time than the small case, as throughput. */
const goal = 0.77

export const tenantCountRows: Row[] = [
  {
    name: 'list of tenants, page 1000 of 100,000 tenants',
    ceiling: 'page 1',
    goal,
    measure: measureLastPage,
  },
  {
    name: 'list of tenants by the beginning of a name, 100,000 tenants',
    ceiling: `the same with ${few} tenants`,
    goal,
    measure: (held) => measureSizes(held, ({ dependencies }) => search(dependencies)),
  },
  {
    name: 'tenants.info on a cache miss, a member of one of 100,000 tenants',
    ceiling: `the same with ${few} tenants`,
    goal,
    measure: (held) => measureSizes(held, ({ dependencies, members }) => readInfo(withoutCache(dependencies), members)),
  },
]

interface Member {
  tenantId: string
  userId: string
}

interface Populated {
  dependencies: Dependencies
  admin: pg.Client
  /** Of the oldest tenants, as many in each installation. */
  members: Member[]
}

/** Each in an installation of its own, measured in turn. */
async function measureSizes(
  held: AsyncDisposableStack,
  call: (installation: Populated) => (index: number) => Promise<void>,
): Promise<Comparison> {
  const large = await populate(held, many)
  const small = await populate(held, few)
  return compare(processLoad(call(large)), processLoad(call(small)))
}

async function measureLastPage(held: AsyncDisposableStack): Promise<Comparison> {
  const { dependencies, admin } = await populate(held, many)
  const { rows } = await admin.query<{ id: string }>(
    'select id from tenantry.tenants order by id desc offset $1 limit 1',
    [999 * limit - 1],
  )
  const cursor = rows[0]?.id ?? ''
  return compare(
    processLoad(() => list(dependencies, { limit, cursor })),
    processLoad(() => list(dependencies, { limit })),
  )
}

/** As a job, which no rate limit holds for and which sees every tenant. */
async function list(
  dependencies: Dependencies,
  input: Parameters<ReturnType<typeof createInternalCaller>['tenants']['list']>[0],
): Promise<void> {
  const { items } = await createInternalCaller(dependencies, { actor: { type: 'system', name: 'bench' } }).tenants.list(
    input,
  )
  if (items.length === 0) throw new Error('The list is empty')
}

const search = (dependencies: Dependencies) => (index: number) =>
  list(dependencies, { limit, q: `BENCH Tenant ${(index % few) + 1}/` })

const readInfo = (dependencies: Dependencies, members: Member[]) => async (index: number) => {
  const { tenantId, userId } = members[index % members.length] as Member
  const actor: InternalCall['actor'] = { type: 'user', id: userId, email: null, name: null }
  await createInternalCaller(dependencies, { actor, tenantId }).tenants.info()
}

/** What a budget is stays cached. */
function withoutCache(dependencies: Dependencies): Dependencies {
  const { services } = dependencies
  const cache: TenantCache = { ...services.cache, getOrLoad: (_tenantId, _name, _ttlSeconds, load) => load() }
  return { ...dependencies, services: { ...services, cache } }
}

async function populate(held: AsyncDisposableStack, tenants: number): Promise<Populated> {
  const dataFolder = await useDataFolder(held)
  const { dependencies, close } = await openInstallation(readConfig({ DATA_DIR: dataFolder, LOG_LEVEL: 'warn' }))
  held.defer(close)
  const admin = new pg.Client(await superuserUrl(dataFolder))
  await admin.connect()
  held.defer(() => admin.end())
  for (const statement of population) await admin.query(statement, statement.includes('$1') ? [tenants] : [])
  const { rows } = await admin.query<Member>(
    'select tenant_id as "tenantId", user_id as "userId" from tenantry.memberships order by tenant_id limit $1',
    [few],
  )
  return { dependencies, admin, members: rows }
}

/** One owner each, and a read limit for the oldest that is too high to be met; the names say which tenant it is. */
const population = [
  `insert into tenantry.tenants (id, slug, name, contact_email, plan, created_at, updated_at)
   select uuidv7(), 'bench-' || n, 'Bench tenant ' || n || '/', 'owner@bench-' || n || '.test', 'free', now(), now()
     from generate_series(1, $1::int) n`,
  `insert into tenantry.users (id, issuer, subject, email, created_at)
   select uuidv7(), 'bench', slug, contact_email, now() from tenantry.tenants where slug like 'bench-%'`,
  `insert into tenantry.memberships (tenant_id, id, user_id, role, inheritable, joined_at)
   select t.id, uuidv7(), u.id, 'owner', true, now() from tenantry.tenants t join tenantry.users u on u.subject = t.slug`,
  `insert into tenantry.tenant_settings (tenant_id, document, updated_at)
   select tenant_id, '{"rateLimits": {"requestsPerMinute": 1000000}}', now() from tenantry.memberships order by tenant_id limit ${few}`,
  'vacuum analyze',
]
