import { declaredTriggers } from './declared-sql.ts'
import { type ExpectedDatabase, type Finding, nameOf, productNamespaces, type Query } from './expected.ts'

/** Nothing runs by itself but what the migrations declare: no trigger, no rule, no event trigger. */
export async function inspectTriggers(query: Query, { scripts, roles }: ExpectedDatabase): Promise<Finding[]> {
  const declared = declaredTriggers(scripts)
  const triggers = await query<{ name: string; table: string }>(triggersSql)
  const rules = await query<{ name: string; table: string }>(rulesSql)
  const eventTriggers = await query<{ name: string }>(eventTriggersSql, [roles.refusingTrigger])
  return [
    ...triggers
      .filter(({ name, table }) => !declared.has(`${name} on ${table}`))
      .map(({ name, table }) => ({
        subject: `table ${table}`,
        message: `The trigger ${name} is in no migration, and sees every row that is written: drop trigger ${name} on ${table}.`,
      })),
    ...rules.map(({ name, table }) => ({
      subject: `table ${table}`,
      message: `The rule ${name} rewrites statements with the rights of the table's owner: drop rule ${name} on ${table}.`,
    })),
    ...eventTriggers.map(({ name }) => ({
      subject: `event trigger ${name}`,
      message: `It is not ours, and runs with the rights of whoever defines something: drop event trigger ${name}.`,
    })),
  ]
}

const triggersSql = /* sql */ `
select t.tgname::text as name, ${nameOf('t.tgrelid')} as "table"
  from pg_trigger t
  join pg_class c on c.oid = t.tgrelid
  join pg_namespace n on n.oid = c.relnamespace
 where not t.tgisinternal and t.tgparentid = 0 and ${productNamespaces}
 order by 2, 1
`

const rulesSql = /* sql */ `
select r.rulename::text as name, ${nameOf('r.ev_class')} as "table"
  from pg_rewrite r
  join pg_class c on c.oid = r.ev_class
  join pg_namespace n on n.oid = c.relnamespace
 where r.rulename <> '_RETURN' and ${productNamespaces}
 order by 2, 1
`

const eventTriggersSql = /* sql */ 'select evtname::text as name from pg_event_trigger where evtname <> $1 order by 1'
