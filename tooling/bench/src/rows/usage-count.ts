import { createInternalCaller } from '@tenantry/control-plane/caller'
import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import { newId } from '@tenantry/kernel/tenancy/id'
import {
  compareSizes,
  few,
  sizeGoal as goal,
  openSizes,
  type Populated,
  type Sizes,
  withoutCache,
} from '../population.ts'
import type { Row } from '../row.ts'

/** Of the tenants that are asked about, and of each other. */
const eventsOfAsked = 500_000
const eventsOfOthers = 50

const size = '10 million events of 100,000 tenants'
const ceiling = `the same with ${few} tenants and ${few * eventsOfOthers} events`

let populated: Promise<Sizes> | undefined

/** All read the same ten million events, which take minutes to make; the last adds to them. */
const row = (name: string, call: (caller: Caller) => Promise<unknown>): Row => ({
  name: `${name}, ${size}`,
  ceiling,
  goal,
  measure: async (_held, kept) => {
    populated ??= openSizes(kept, addEvents)
    return compareSizes(await populated, reading(call))
  },
})

export const usageCountRows: Row[] = [
  row('tenants.usage on a cache miss', (caller) => caller.tenants.usage()),
  row('usage.trends of 30 days', (caller) => caller.usage.trends({ tenantId: 'current' })),
  row('a page of usage.events', (caller) => caller.usage.events({ tenantId: 'current' })),
  row('usage.consume of one after another', (caller) =>
    caller.usage.consume({ tenantId: 'current', metric: 'bandwidth', amount: 1, idempotencyKey: newId() }),
  ),
]

type Caller = ReturnType<typeof createInternalCaller>

/** As a service, which no rate limit holds for. */
const reading =
  (call: (caller: Caller) => Promise<unknown>) =>
  ({ dependencies, members }: Populated) => {
    const uncached: Dependencies = withoutCache(dependencies)
    const actor = { type: 'service', name: 'bench' } as const
    return async (index: number) => {
      const tenantId = members[index % members.length]?.tenantId ?? ''
      await call(createInternalCaller(uncached, { actor, tenantId }))
    }
  }

async function addEvents({ admin, members }: Populated, tenants: number): Promise<void> {
  const asked = tenants > few ? eventsOfAsked : eventsOfOthers
  await admin.query(
    "select tenancy.open_usage_month((now() - ago * interval '1 month')::date) from generate_series(1, 2) ago",
  )
  await admin.query(events, [members.map(({ tenantId }) => tenantId), asked, eventsOfOthers])
  for (const statement of [counters, days, 'vacuum analyze']) await admin.query(statement)
}

/** Over the last thirty days, as they would have come. */
const events = /* sql */ `
insert into tenantry.usage_events (tenant_id, id, received_on, idempotency_key, meter, period, amount, occurred_at, received_at)
select t.id, uuidv7(), e.at::date, t.n || ' ' || e.n, 'tokens', to_char(e.at, 'YYYY-MM-01'), 1, e.at, e.at
  from (select id, row_number() over () as n from tenantry.tenants) t
  cross join lateral (
    select n, now() - (n % 2880) * interval '15 minutes' as at
      from generate_series(1, case when t.id = any ($1::uuid[]) then $2::int else $3::int end) n) e`

const counters = /* sql */ `
insert into tenantry.usage_counters (tenant_id, meter, period, used, updated_at)
select tenant_id, meter, period, sum(amount), now() from tenantry.usage_events group by 1, 2, 3`

const days = /* sql */ `
insert into tenantry.usage_daily (tenant_id, meter, day, used, events)
select tenant_id, meter, occurred_at::date, sum(amount), count(*) from tenantry.usage_events group by 1, 2, 3`
