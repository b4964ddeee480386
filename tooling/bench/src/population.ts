import type { Dependencies, TenantCache } from '@tenantry/kernel/context/dependencies'
import pg from 'pg'
import { superuserUrl, useDataFolder } from './data-folder.ts'
import { openInstallation, readConfig } from './installation.ts'
import { processLoad } from './load.ts'
import { type Comparison, compare } from './row.ts'

export const few = 10
export const many = 100_000
/** A third more time than the small case, as throughput. */
export const sizeGoal = 0.77

export interface Member {
  tenantId: string
  userId: string
}

export interface Populated {
  dependencies: Dependencies
  admin: pg.Client
  /** Of the oldest tenants, as many in each installation. */
  members: Member[]
}

export interface Sizes {
  large: Populated
  small: Populated
}

/** Each in an installation of its own. */
export async function openSizes(
  held: AsyncDisposableStack,
  prepare: (installation: Populated, tenants: number) => Promise<void> = async () => undefined,
): Promise<Sizes> {
  const large = await populate(held, many)
  await prepare(large, many)
  const small = await populate(held, few)
  await prepare(small, few)
  return { large, small }
}

type Call = (installation: Populated) => (index: number) => Promise<void>

/** Measured in turn. */
export const compareSizes = ({ large, small }: Sizes, call: Call): Promise<Comparison> =>
  compare(processLoad(call(large)), processLoad(call(small)))

export const measureSizes = async (held: AsyncDisposableStack, call: Call): Promise<Comparison> =>
  compareSizes(await openSizes(held), call)

/** What a budget is stays cached. */
export function withoutCache(dependencies: Dependencies): Dependencies {
  const { services } = dependencies
  const cache: TenantCache = { ...services.cache, getOrLoad: (_tenantId, _name, _ttlSeconds, load) => load() }
  return { ...dependencies, services: { ...services, cache } }
}

export async function populate(held: AsyncDisposableStack, tenants: number): Promise<Populated> {
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
