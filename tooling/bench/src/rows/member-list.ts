import { createInternalCaller } from '@tenantry/control-plane/caller'
import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import pg from 'pg'
import { superuserUrl, useDataFolder } from '../data-folder.ts'
import { openInstallation, readConfig } from '../installation.ts'
import { processLoad } from '../load.ts'
import { type Comparison, compare, type Row } from '../row.ts'

const few = 10
const many = 100_000
const page = 10
/** A third more time than the small case, as throughput. */
const goal = 0.77

type ListInput = Omit<Parameters<ReturnType<typeof createInternalCaller>['members']['list']>[0], 'tenantId'>

export const memberListRows: Row[] = [
  {
    name: 'list of members, a page in the middle of 100,000',
    ceiling: `the first page of ${few}`,
    goal,
    measure: (held) => measureSizes(held, (place) => (place === null ? {} : { cursor: place })),
  },
  {
    name: 'list of members by role, 100,000 members',
    ceiling: `the same with ${few} members`,
    goal,
    measure: (held) => measureSizes(held, () => ({ role: 'owner' })),
  },
  {
    name: 'list of members by the beginning of a name, 100,000 members',
    ceiling: `the same with ${few} members`,
    goal,
    measure: (held) => measureSizes(held, () => ({ q: 'BENCH Member 7/' })),
  },
]

interface Populated {
  dependencies: Dependencies
  tenantId: string
  /** A user id in the middle; null where one page shows all. */
  place: string | null
}

/** Each in an installation of its own, measured in turn. */
async function measureSizes(
  held: AsyncDisposableStack,
  inputOf: (place: string | null) => ListInput,
): Promise<Comparison> {
  const large = await populate(held, many)
  const small = await populate(held, few)
  const listing = (installation: Populated) => processLoad(() => list(installation, inputOf(installation.place)))
  return compare(listing(large), listing(small))
}

/** As a job, which no rate limit holds for. */
async function list({ dependencies, tenantId }: Populated, input: ListInput): Promise<void> {
  const caller = createInternalCaller(dependencies, { actor: { type: 'system', name: 'bench' }, tenantId })
  const { items } = await caller.members.list({ tenantId, limit: page, ...input })
  if (items.length === 0) throw new Error('The list is empty')
}

async function populate(held: AsyncDisposableStack, members: number): Promise<Populated> {
  const dataFolder = await useDataFolder(held)
  const { dependencies, close } = await openInstallation(readConfig({ DATA_DIR: dataFolder, LOG_LEVEL: 'warn' }))
  held.defer(close)
  const admin = new pg.Client(await superuserUrl(dataFolder))
  await admin.connect()
  held.defer(() => admin.end())
  for (const statement of population) await admin.query(statement, statement.includes('$1') ? [members] : [])
  const { rows } = await admin.query<{ tenantId: string; place: string | null }>(
    `select t.id as "tenantId", (select m.user_id from tenantry.memberships m where m.tenant_id = t.id
        order by m.user_id desc offset $1 limit 1) as place from tenantry.tenants t where t.slug = 'bench-members'`,
    [members > page ? members / 2 : members],
  )
  const [{ tenantId, place } = { tenantId: '', place: null }] = rows
  return { dependencies, tenantId, place }
}

/** One owner, and viewers. */
const population = [
  `insert into tenantry.tenants (id, slug, name, contact_email, plan, created_at, updated_at)
   values (uuidv7(), 'bench-members', 'Bench', 'owner@bench.test', 'enterprise', now(), now())`,
  `insert into tenantry.users (id, issuer, subject, email, name, created_at)
   select uuidv7(), 'bench', 'member-' || n, 'member-' || n || '@bench.test', 'Bench member ' || n || '/', now()
     from generate_series(1, $1::int) n`,
  `insert into tenantry.memberships (tenant_id, id, user_id, role, inheritable, joined_at)
   select t.id, uuidv7(), u.id, case when u.subject = 'member-1' then 'owner' else 'viewer' end, u.subject = 'member-1', now()
     from tenantry.users u cross join tenantry.tenants t where u.issuer = 'bench' and t.slug = 'bench-members'`,
  'vacuum analyze',
]
