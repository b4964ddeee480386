import { createInternalCaller, type InternalCall } from '@tenantry/control-plane/caller'
import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import { processLoad } from '../load.ts'
import { few, sizeGoal as goal, type Member, many, measureSizes, populate, withoutCache } from '../population.ts'
import { type Comparison, compare, type Row } from '../row.ts'

const limit = 50

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
