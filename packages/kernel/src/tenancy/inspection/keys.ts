import {
  type ExpectedDatabase,
  expectedTable,
  type Finding,
  nameOf,
  productNamespaces,
  type Query,
} from './expected.ts'

const tenantColumn = 'tenant_id'

interface UniqueIndex {
  table: string
  root: string
  index: string
  primary: boolean
  /** Null for an expression. */
  firstColumn: string | null
}

interface ForeignKey {
  name: string
  table: string
  target: string
  columns: string[]
  targetColumns: string[]
  indexed: boolean
}

/** Keys ignore policies: without the tenant in front they tell of, or reach into, other tenants. */
export async function inspectKeys(query: Query, expected: ExpectedDatabase): Promise<Finding[]> {
  const scopeOf = (table: string) => expectedTable(expected, table)?.scope
  const indexes = (await query<UniqueIndex>(uniqueIndexesSql)).filter(({ root }) => scopeOf(root) === 'tenant')
  const keys = await query<ForeignKey>(foreignKeysSql)
  return [
    ...expected.tables.flatMap(({ name, scope }) => (scope === 'tenant' ? primaryKeyFindings(name, indexes) : [])),
    ...indexes.flatMap(uniqueFindings),
    ...keys
      .filter(({ table }) => scopeOf(table) !== 'system')
      .flatMap((key) => [
        ...tenantFindings(key, { from: scopeOf(key.table), to: scopeOf(key.target) }),
        ...indexFindings(key),
      ]),
  ]
}

function primaryKeyFindings(table: string, indexes: UniqueIndex[]): Finding[] {
  if (indexes.some((index) => index.table === table && index.primary)) return []
  return [
    { subject: `table ${table}`, message: `It has no primary key: give it one that begins with ${tenantColumn}.` },
  ]
}

function uniqueFindings({ table, index, primary, firstColumn }: UniqueIndex): Finding[] {
  if (firstColumn === tenantColumn) return []
  const kind = primary ? 'The primary key' : 'The unique constraint'
  const message = `${kind} ${index} does not begin with ${tenantColumn}, so one tenant can learn what another one has: put ${tenantColumn} first.`
  return [{ subject: `table ${table}`, message }]
}

type Scope = 'tenant' | 'platform' | 'system' | undefined

function tenantFindings(
  { name, table, target, columns, targetColumns }: ForeignKey,
  scope: { from: Scope; to: Scope },
) {
  if (scope.to !== 'tenant') return []
  const begins = targetColumns[0] === tenantColumn && (scope.from !== 'tenant' || columns[0] === tenantColumn)
  const message = `The foreign key ${name} to ${target} does not begin with the tenant, so a row can point into another tenant: reference (${tenantColumn}, …).`
  return begins ? [] : [{ subject: `table ${table}`, message }]
}

function indexFindings({ name, table, columns, indexed }: ForeignKey): Finding[] {
  const message = `No index stands behind the foreign key ${name}: create one that begins with (${columns.join(', ')}).`
  return indexed ? [] : [{ subject: `table ${table}`, message }]
}

export const columnsOf = (table: string, numbers: string) => /* sql */ `
  array(select a.attname::text from unnest(${numbers}) with ordinality as u (number, place)
          join pg_attribute a on a.attrelid = ${table} and a.attnum = u.number order by u.place)`

const uniqueIndexesSql = /* sql */ `
select ${nameOf('x.indrelid')} as "table",
       ${nameOf('coalesce(pg_partition_root(x.indrelid), x.indrelid)')} as root,
       i.relname::text as index,
       x.indisprimary as "primary",
       (select a.attname::text from pg_attribute a where a.attrelid = x.indrelid and a.attnum = x.indkey[0] and a.attnum > 0) as "firstColumn"
  from pg_index x
  join pg_class i on i.oid = x.indexrelid
  join pg_namespace n on n.oid = i.relnamespace
 where (x.indisunique or x.indisexclusion) and ${productNamespaces}
 order by 1, 3
`

const foreignKeysSql = /* sql */ `
select k.conname::text as name,
       ${nameOf('k.conrelid')} as "table",
       ${nameOf('k.confrelid')} as target,
       ${columnsOf('k.conrelid', 'k.conkey')} as columns,
       ${columnsOf('k.confrelid', 'k.confkey')} as "targetColumns",
       exists (
         select from pg_index x
           join pg_class i on i.oid = x.indexrelid
           join pg_am m on m.oid = i.relam
          where x.indrelid = k.conrelid and m.amname = 'btree' and x.indisvalid and x.indpred is null
            and x.indnkeyatts >= cardinality(k.conkey)
            and (string_to_array(x.indkey::text, ' ')::int2[])[1:cardinality(k.conkey)] @> k.conkey
       ) as indexed
  from pg_constraint k
  join pg_namespace n on n.oid = k.connamespace
 where k.contype = 'f' and k.conparentid = 0 and ${productNamespaces}
 order by 2, 1
`
