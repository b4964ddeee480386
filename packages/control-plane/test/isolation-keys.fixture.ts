import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import type { Column, TenantTable } from './isolation-rows.fixture.ts'

/** A unique index, as PostgreSQL's catalogue knows it. */
export interface UniqueKey {
  /** Quoted and with its schema. */
  table: string
  name: string
  /** What `on conflict` names it by. */
  target: string
  /** Those that can be written and decide on it, through generated columns, expressions and predicates too. */
  columns: string[]
}

const keysSql = /* sql */ `
select i.indrelid::regclass::text as "table", i.indexrelid::regclass::text as name,
       '(' || (select string_agg(pg_get_indexdef(i.indexrelid, k, true), ', ' order by k) from generate_series(1, i.indnkeyatts) k) || ')'
         || coalesce(' where ' || pg_get_expr(i.indpred, i.indrelid), '') as target,
       array(select a.attname::text from pg_attribute a where a.attrelid = i.indrelid and a.attgenerated = '' and a.attnum in (
         select unnest(i.indkey::int2[])
         union
         select d.refobjsubid from pg_depend d
          where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid and d.refobjid = i.indrelid
         union
         select d.refobjsubid from pg_attrdef g
           join pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = g.oid and d.refobjid = i.indrelid
          where g.adrelid = i.indrelid and g.adnum = any (i.indkey::int2[])) order by a.attnum) as columns
  from pg_index i where i.indisunique and i.indrelid::regclass::text = any ($1) order by 1, 2`

export async function listUniqueKeys(admin: Client, tables: TenantTable[]): Promise<UniqueKey[]> {
  return (await admin.query(keysSql, [tables.map(({ name }) => name)])).rows
}

/** A value for the column that no row has. */
export function unusedValue({ type, maxLength, choices }: Column, given: unknown): unknown {
  if (choices) return given
  switch (type) {
    case 'uuid':
      return randomUUID()
    case 'text':
    case 'varchar':
      return `unused${randomBytes(10).toString('hex')}`.slice(0, maxLength ?? 100)
    case 'int4':
    case 'int8':
      return randomInt(1_000_000, 2_000_000_000)
    case 'date':
      return `${randomInt(3000, 9000)}-01-01`
    default:
      return given
  }
}
