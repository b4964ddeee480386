import { randomBytes, randomUUID } from 'node:crypto'
import type { Client } from 'pg'

export interface Column {
  name: string
  type: string
  maxLength: number | null
  required: boolean
  /** The literals of an enumerating check constraint. */
  choices: string[] | null
}

export interface ForeignKey {
  name: string
  columns: string[]
  target: string
  targetColumns: string[]
}

/** A table, view or materialised view that holds rows of tenants. */
export interface TenantTable {
  /** Quoted and with its schema. */
  name: string
  kind: 'table' | 'partition' | 'view'
  /** Where the tenant's id stands. */
  tenantColumn: string
  /** Those that can be written. */
  columns: Column[]
  foreignKeys: ForeignKey[]
  /** What the application may read, in a list; null if nothing. */
  readable: string | null
}

export interface Victim {
  id: string
  /** Stands in every text of its rows. */
  marker: string
}

export type Row = Record<string, unknown>

const tablesSql = /* sql */ `
select c.oid::regclass::text as name, c.relkind as kind, c.relispartition as partition,
       case when c.oid = 'tenantry.tenants'::regclass then 'id' else a.attname::text end as "tenantColumn",
       (select jsonb_agg(jsonb_build_object(
                 'name', col.attname, 'type', t.typname,
                 'maxLength', case when t.typname = 'varchar' and col.atttypmod > 4 then col.atttypmod - 4 end,
                 'required', col.attnotnull and not col.atthasdef and col.attidentity = '',
                 'choices', (select jsonb_agg(m[1]) from pg_constraint k, regexp_matches(pg_get_constraintdef(k.oid), '''([^'']+)''', 'g') m
                              where k.conrelid = c.oid and k.contype = 'c' and k.conkey = array[col.attnum] and t.typcategory = 'S')) order by col.attnum)
          from pg_attribute col join pg_type t on t.oid = col.atttypid
         where col.attrelid = c.oid and col.attnum > 0 and not col.attisdropped and col.attgenerated = '') as columns,
       (select string_agg(quote_ident(col.attname), ', ' order by col.attnum) from pg_attribute col
         where col.attrelid = c.oid and col.attnum > 0 and not col.attisdropped
           and has_column_privilege('tenantry_app', c.oid, col.attnum, 'select')) as readable,
       coalesce((select jsonb_agg(jsonb_build_object(
                 'name', k.conname, 'target', k.confrelid::regclass::text,
                 'columns', (select jsonb_agg(f.attname order by o.n) from unnest(k.conkey) with ordinality o(num, n)
                               join pg_attribute f on f.attrelid = k.conrelid and f.attnum = o.num),
                 'targetColumns', (select jsonb_agg(f.attname order by o.n) from unnest(k.confkey) with ordinality o(num, n)
                               join pg_attribute f on f.attrelid = k.confrelid and f.attnum = o.num)))
          from pg_constraint k where k.conrelid = c.oid and k.contype = 'f'), '[]') as "foreignKeys"
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace and n.nspname !~ '^(pg_|information_schema|pgboss$)'
  left join pg_attribute a on a.attrelid = c.oid and a.attname in ('tenant_id', 'concerns_tenant_id') and not a.attisdropped
 where c.relkind in ('r', 'p', 'v', 'm', 'f') and (a.attname is not null or c.oid = 'tenantry.tenants'::regclass)
 order by name`

/** Every relation with rows of tenants, as PostgreSQL's catalogue knows them. */
export async function listTenantTables(admin: Client): Promise<TenantTable[]> {
  const { rows } = await admin.query(tablesSql)
  return rows.map(({ kind, partition, ...table }) => ({
    ...table,
    kind: partition ? 'partition' : kind === 'r' || kind === 'p' ? 'table' : 'view',
  }))
}

/** The rows of one tenant, which exists: looked up where there are any, else made. `admin` is a superuser. */
export interface TenantRows {
  /** Of that table; of a platform table that tenant tables refer to, any row. */
  rowOf(name: string): Promise<Row>
  /** One more, not written yet, that refers to rows of the tenant only. */
  newRow(table: TenantTable): Promise<Row>
}

export function openRows(admin: Client, tables: TenantTable[], tenant: Victim): TenantRows {
  const filled = new Map<string, Promise<Row>>()

  async function newRow(table: TenantTable): Promise<Row> {
    const row = makeRow(table, tenant)
    for (const { columns, target, targetColumns } of table.foreignKeys) {
      if (target === table.name || columns.every((column) => column === table.tenantColumn)) continue
      const referred = await rowOf(target)
      for (const [index, column] of columns.entries()) row[column] = referred[targetColumns[index] ?? '']
    }
    return row
  }

  async function fill(table: TenantTable): Promise<Row> {
    const existing = await admin.query(`select * from ${table.name} where ${table.tenantColumn} = $1 limit 1`, [
      tenant.id,
    ])
    if (existing.rows[0]) return existing.rows[0]
    const { text, values } = insertOf(table, await newRow(table))
    return (await admin.query(`${text} returning *`, values)).rows[0]
  }

  function rowOf(name: string): Promise<Row> {
    const known = filled.get(name)
    if (known !== undefined) return known
    const table = tables.find((candidate) => candidate.name === name)
    const row = table ? fill(table) : admin.query(`select * from ${name} limit 1`).then(({ rows }) => rows[0])
    filled.set(name, row)
    return row
  }

  return { rowOf, newRow }
}

/** Puts a row of the tenant into every table that has none. */
export async function fillTables(admin: Client, tables: TenantTable[], tenant: Victim): Promise<void> {
  const { rowOf } = openRows(admin, tables, tenant)
  for (const { kind, name } of tables) if (kind === 'table') await rowOf(name)
}

export function insertOf({ name }: Pick<TenantTable, 'name'>, row: Row): { text: string; values: unknown[] } {
  const places = Object.keys(row).map((_, index) => `$${index + 1}`)
  return { text: `insert into ${name} (${Object.keys(row)}) values (${places})`, values: Object.values(row) }
}

/** A new row of the tenant with everything a table asks for. */
export function makeRow(table: TenantTable, { id, marker }: Victim): Row {
  const row: Row = {}
  for (const column of table.columns) if (column.required) row[column.name] = makeValue(column, marker)
  row[table.tenantColumn] = id
  return row
}

function makeValue({ name, type, maxLength, choices }: Column, marker: string): unknown {
  if (choices) return choices[0]
  switch (type) {
    case 'uuid':
      return randomUUID()
    case 'text':
    case 'varchar':
      return `${marker}${randomBytes(20).toString('hex')}`.slice(0, maxLength ?? 100)
    case 'int2':
    case 'int4':
    case 'int8':
    case 'numeric':
      return 1
    case 'bool':
      return false
    case 'timestamptz':
      return new Date()
    case 'date':
      return new Date().toISOString().slice(0, 10)
    case 'jsonb':
      return JSON.stringify({ [marker]: true })
    case 'bytea':
      return Buffer.from(marker)
    case '_text':
    case '_uuid':
    case '_varchar':
    case '_int4':
      return []
    default:
      throw new Error(`No value is known for column ${name} of type ${type}`)
  }
}

/** Changes with any row of the tenant in any table. */
export async function fingerprint(admin: Client, tables: TenantTable[], tenantId: string): Promise<string> {
  const parts = tables
    .filter(({ kind }) => kind === 'table')
    .map(
      ({ name, tenantColumn }) =>
        `(select string_agg(x::text, '|' order by x::text) from ${name} x where ${tenantColumn} = $1)`,
    )
  const { rows } = await admin.query(`select md5(concat_ws('#', ${parts.join(', ')})) as print`, [tenantId])
  return rows[0].print
}
