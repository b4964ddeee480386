import type { Statement, TenantQuery } from '@tenantry/kernel/context/dependencies'
import { productSchema } from '@tenantry/kernel/tenancy/roles'
import { quoted, tenantQuery } from '@tenantry/kernel/tenancy/tenant-query'
import {
  type AccountGiven,
  type CounterValue,
  outcomes,
  UsageCounter,
  UsageEvent,
  type WriteOutcome,
} from '../metering/index.ts'
import type { MeterSource } from '../plan/index.ts'
import type { TableFacts } from './rules/source-faults.ts'

/** Both as texts: a sum may be larger than a number holds. */
export interface Compared {
  /** Null where nothing tells. */
  counted: string | null
  used: string
}

const used = '(select coalesce(sum(used), 0)::text from counter where meter = $2 and period = $3) as used'

/**
 * What a table says, and what the counter does, of the same instant: one statement sees one state. Takes the meter and its
 * period, and where rows belong to it by their time, its beginning and end.
 */
export function sourceQuery({ table, column, at }: MeterSource): TenantQuery<Compared> {
  const columns = [column, at].filter((name) => name !== null)
  const counted = column === null ? 'count(*)' : `coalesce(sum(${quoted(column)}), 0)`
  const within = at === null ? '' : `where ${quoted(at)} >= $4::timestamptz and ${quoted(at)} < $5::timestamptz`
  return tenantQuery<Compared>(
    { counter: UsageCounter, source: { table, columns } },
    `select (select ${counted}::text from source ${within}) as counted, ${used}`,
  )
}

/** The same of events. What is in a period was received no more than a day before it began, the last that it takes. */
export const eventsQuery = tenantQuery<Compared>(
  { counter: UsageCounter, event: UsageEvent },
  `select (select coalesce(sum(amount), 0)::text from event where meter = $2 and period = $3
      and received_on >= ($4::timestamptz - interval '1 day')::date) as counted, ${used}`,
)

/** Where nothing tells what it should be. */
export const standingQuery = tenantQuery<Compared>({ counter: UsageCounter }, `select null as counted, ${used}`)

/** Which of these keys events have. */
export const takenKeys = tenantQuery<{ key: string }>(
  { event: UsageEvent },
  'select idempotency_key as key from event where idempotency_key = any ($2::text[])',
)

export interface Recounted {
  outcome: WriteOutcome
  /** By how much the counter was put right; 0 where it was. */
  drift: number
  used: number
  counters: CounterValue[]
  alerted: string[]
}

/** Has a counter stand at the sum of its events, which have lost nothing. `since`: when its period began. */
export async function recount(
  { database, now, catalogueRevision, patient }: AccountGiven,
  { tenantId, meter, period, span, since }: Record<'tenantId' | 'meter' | 'period' | 'span', string> & { since: Date },
): Promise<Recounted> {
  const [row] = await database.writeSigned<Record<string, string | number | boolean | null>>(
    `select * from metering.recount($1, ${patient}, $2, $3, $4, $5, $6, $7, $8)`,
    [now.toISOString(), String(catalogueRevision), tenantId, meter, period, span, since.toISOString()],
  )
  if (!row) throw new Error('The recounting function answered nothing')
  const outcome = outcomes[Number(row.outcome)] as WriteOutcome
  const [drift, used] = [Number(row.drift), Number(row.used)]
  const overSince = row.over_since === null ? null : new Date(row.over_since as string).toISOString()
  const over = { overSince, overSpan: row.over_span as string | null }
  return {
    outcome,
    drift,
    used,
    counters: drift === 0 ? [] : [{ meter, period, used, ...over, revision: Number(row.revision) }],
    alerted: row.alerted === true ? [tenantId] : [],
  }
}

export interface NamedFacts extends TableFacts {
  name: string
}

/** What the database says of those tables of the product that are there. */
export const factsOf = (tables: readonly string[]): Statement => ({
  text: factsSql,
  values: [tables],
})

const factsSql = /* sql */ `
select c.relname::text as name, c.relkind::text as kind, c.relrowsecurity and c.relforcerowsecurity as "isForced",
       exists (select from pg_policy p where p.polrelid = c.oid and p.polpermissive and p.polcmd in ('*', 'r')
                and (0 = any (p.polroles) or 'tenantry_app'::regrole = any (p.polroles))) as "hasPolicy",
       (select json_object_agg(a.attname, json_build_object('type', format_type(a.atttypid, null),
                 'isReadable', has_column_privilege('tenantry_app', c.oid, a.attnum, 'select')))
          from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
  from pg_class c where c.relnamespace = '${productSchema}'::regnamespace and c.relname = any ($1::text[])`
