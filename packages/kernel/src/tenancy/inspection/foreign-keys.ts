import { declaredForeignKeys } from './declared-sql.ts'
import { type ExpectedDatabase, type Finding, nameOf, productNamespaces, type Query } from './expected.ts'
import { columnsOf } from './keys.ts'

interface FoundForeignKey {
  name: string
  table: string
  target: string
  columns: string[]
  targetColumns: string[]
  validated: boolean
  /** Whether rows are checked when they change, on both sides. */
  enforced: boolean
}

/** Every foreign key that the migrations make is there as they made it, and is kept. */
export async function inspectForeignKeys(query: Query, { scripts }: ExpectedDatabase): Promise<Finding[]> {
  const found = await query<FoundForeignKey>(foreignKeysSql)
  return declaredForeignKeys(scripts).flatMap((declared) => {
    const { name, table, columns, target, targetColumns } = declared
    const subject = `table ${table}`
    const add = `alter table ${table} add constraint ${name} foreign key (${columns.join(', ')}) references ${target} (${targetColumns.join(', ')})`
    const key = found.find((candidate) => candidate.table === table && candidate.name === name)
    if (key === undefined) return [{ subject, message: `The foreign key ${name} is missing: ${add}.` }]
    const same =
      [key.target, ...key.columns, ...key.targetColumns].join() === [target, ...columns, ...targetColumns].join()
    const messages = [
      !same && `The foreign key ${name} is another one than the migrations made: drop it, then ${add}.`,
      !key.validated && `The foreign key ${name} was never checked: alter table ${table} validate constraint ${name}.`,
      !key.enforced &&
        `The foreign key ${name} is switched off: alter table ${table} enable trigger all, on ${target} too.`,
    ]
    return messages.filter((message) => message !== false).map((message) => ({ subject, message }))
  })
}

/** PostgreSQL 18 knows keys that are not enforced, hence the look by name. */
const foreignKeysSql = /* sql */ `
select k.conname::text as name,
       ${nameOf('k.conrelid')} as "table",
       ${nameOf('k.confrelid')} as target,
       ${columnsOf('k.conrelid', 'k.conkey')} as columns,
       ${columnsOf('k.confrelid', 'k.confkey')} as "targetColumns",
       k.convalidated as validated,
       coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true)
         and not exists (select from pg_trigger t where t.tgconstraint = k.oid and t.tgenabled not in ('O', 'A')) as enforced
  from pg_constraint k
  join pg_namespace n on n.oid = k.connamespace
 where k.contype = 'f' and ${productNamespaces}
`
