import { declaredTriggers } from './declared-sql.ts'
import {
  type ExpectedDatabase,
  type Finding,
  nameOf,
  type PrintedDeclarations,
  productNamespaces,
  type Query,
} from './expected.ts'

interface FoundTrigger {
  name: string
  table: string
  definition: string
  /** On partitions too. */
  enabled: boolean
}

/** What the migrations declare runs by itself, to the letter, and nothing else: no trigger, no rule, no event trigger. */
export async function inspectTriggers(
  query: Query,
  { roles }: ExpectedDatabase,
  { triggers: declared }: PrintedDeclarations,
): Promise<Finding[]> {
  const triggers = await query<FoundTrigger>(triggersSql)
  const rules = await query<{ name: string; table: string }>(rulesSql)
  const eventTriggers = await query<{ name: string }>(eventTriggersSql, [roles.refusingTrigger])
  return [
    ...Object.entries(declared).flatMap(([key, wanted]) =>
      typeof wanted === 'string'
        ? declaredFindings(
            wanted,
            triggers.find((found) => keyOf(found) === key),
            key,
          )
        : [wanted],
    ),
    ...triggers
      .filter((found) => !(keyOf(found) in declared))
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

const keyOf = ({ name, table }: { name: string; table: string }) => `${name} on ${table}`

function declaredFindings(wanted: string, found: FoundTrigger | undefined, key: string): Finding[] {
  const [name = '', table = ''] = key.split(' on ')
  const subject = `table ${table}`
  if (!found) return [{ subject, message: `The trigger ${name} is missing: ${wanted}.` }]
  const messages = [
    found.definition !== wanted && `The trigger ${name} is “${found.definition}”: drop it, then ${wanted}.`,
    !found.enabled && `The trigger ${name} is switched off: alter table ${table} enable trigger ${name}.`,
  ]
  return messages.filter((message) => message !== false).map((message) => ({ subject, message }))
}

/** Puts each declared trigger on an empty copy of its table, reads how PostgreSQL prints it, and takes it back. */
export async function printTriggers(
  query: Query,
  { scripts }: ExpectedDatabase,
): Promise<PrintedDeclarations['triggers']> {
  const printed: Record<string, string | Finding> = {}
  for (const declared of declaredTriggers(scripts)) {
    const { name, table, statement } = declared
    const copy = `${table.slice(0, table.indexOf('.'))}.inspected_copy`
    await query('savepoint inspected')
    try {
      await query(`create table ${copy} (like ${table})`)
      await query(statement.replace(table, copy))
      const [made] = await query<FoundTrigger>(`${triggersSql} and c.oid = to_regclass($1)`, [copy])
      printed[keyOf(declared)] = made ? made.definition.replace(copy, table) : notMade(declared, 'it is not there')
    } catch (error) {
      printed[keyOf({ name, table })] = notMade(declared, (error as Error).message)
    } finally {
      await query('rollback to savepoint inspected')
    }
  }
  return printed
}

const notMade = ({ name, table }: { name: string; table: string }, why: string): Finding => ({
  subject: `table ${table}`,
  message: `The declared trigger ${name} does not fit it (${why}): run the migrations.`,
})

const triggersSql = /* sql */ `
select t.tgname::text as name, ${nameOf('t.tgrelid')} as "table", pg_get_triggerdef(t.oid) as definition,
       t.tgenabled in ('O', 'A')
         and not exists (select from pg_trigger p where p.tgparentid = t.oid and p.tgenabled not in ('O', 'A')) as enabled
  from pg_trigger t
  join pg_class c on c.oid = t.tgrelid
  join pg_namespace n on n.oid = c.relnamespace
 where not t.tgisinternal and t.tgparentid = 0 and ${productNamespaces}
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
