import {
  type ExpectedDatabase,
  type ExpectedPolicy,
  type ExpectedTable,
  expectedTable,
  type Finding,
  nameOf,
  type PrintedDeclarations,
  productNamespaces,
  type Query,
  schemaOf,
} from './expected.ts'

interface FoundPolicy extends ExpectedPolicy {
  table: string
}

/** Policies are as declared, to the letter: PostgreSQL prints both, since it rewrites what it is given. */
export async function inspectPolicies(
  query: Query,
  expected: ExpectedDatabase,
  { policies }: PrintedDeclarations,
): Promise<Finding[]> {
  const found = Map.groupBy(await query<FoundPolicy>(policiesSql), ({ table }) => table)
  const tables = await query<{ name: string; root: string }>(tablesSql)
  return tables.flatMap(({ name, root }) => {
    const declared = expectedTable(expected, root)
    const partition = root !== name
    if (partition && declared?.scope === 'system') return []
    // Without a policy of its own a partition is reached through its parent only.
    const printed = declared === undefined || partition ? [] : printedPolicies(name, declared, policies[name])
    return 'subject' in printed ? [printed] : compare(name, printed, found.get(name) ?? [])
  })
}

function printedPolicies(
  name: string,
  { scope, policies }: ExpectedTable,
  printed: PrintedDeclarations['policies'][string] | undefined,
): readonly ExpectedPolicy[] | Finding {
  if (scope === 'system') return policies
  return (
    printed ?? { subject: `table ${name}`, message: 'Its declared policies were never printed: run the migrations.' }
  )
}

/** The declared policies of every table that is there, as PostgreSQL prints them. */
export async function printPolicies(
  query: Query,
  expected: ExpectedDatabase,
): Promise<PrintedDeclarations['policies']> {
  const printed: Record<string, readonly ExpectedPolicy[] | Finding> = {}
  for (const { name, root } of await query<{ name: string; root: string }>(tablesSql)) {
    const declared = expectedTable(expected, name)
    if (declared && declared.scope !== 'system' && root === name) printed[name] = await print(query, name, declared)
  }
  return printed
}

function compare(table: string, declared: readonly ExpectedPolicy[], found: readonly FoundPolicy[]): Finding[] {
  const subject = `table ${table}`
  const wrong = declared.flatMap((policy) => {
    const same = found.find(({ name }) => name === policy.name)
    const [wanted, has] = [text(policy), same && text(same)]
    if (wanted === has) return []
    const state = has === undefined ? 'is missing' : `is “${has}”`
    return [{ subject, message: `The policy ${policy.name} ${state}: a migration must make it “${wanted}”.` }]
  })
  const more = found.filter(({ name }) => !declared.some((policy) => policy.name === name))
  const undeclared = more.map((policy) => ({
    subject,
    message: `The policy ${policy.name} is declared nowhere: drop it, or declare it in the entity. It is “${text(policy)}”.`,
  }))
  return [...wrong, ...undeclared]
}

function text({ type, command, roles, using, check }: ExpectedPolicy): string {
  return [
    ...(type === 'permissive' ? [] : [`as ${type}`]),
    `for ${command} to ${[...roles].sort().join(', ')}`,
    ...(using === null ? [] : [`using ${using}`]),
    ...(check === null ? [] : [`with check ${check}`]),
  ].join(' ')
}

/** Puts the declared policies on an empty copy of the table, and reads them as PostgreSQL prints them. */
async function print(query: Query, name: string, { policies }: ExpectedTable): Promise<ExpectedPolicy[] | Finding> {
  const copy = `${schemaOf(name)}.inspected_copy`
  const statements = policies.map(({ using, check }, place) =>
    [
      `create policy p${place} on ${copy}`,
      ...(using === null ? [] : [`using (${using})`]),
      ...(check === null ? [] : [`with check (${check})`]),
    ].join(' '),
  )
  await query('savepoint inspected')
  try {
    await query([`create table ${copy} (like ${name})`, ...statements].join(';\n'))
    const printed = await query<FoundPolicy>(`${policiesSql} and c.oid = to_regclass($1)`, [copy])
    return policies.map((policy, place) => {
      const { using = null, check = null } = printed.find(({ name }) => name === `p${place}`) ?? {}
      return { ...policy, using, check }
    })
  } catch (error) {
    const message = `Its declared policies do not fit it (${(error as Error).message}): run the migrations.`
    return { subject: `table ${name}`, message }
  } finally {
    await query('rollback to savepoint inspected')
  }
}

const policiesSql = /* sql */ `
select format('%s.%s', n.nspname, c.relname) as "table",
       p.polname::text as name,
       case when p.polpermissive then 'permissive' else 'restrictive' end as type,
       case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end as command,
       array(select case role when 0 then 'public' else pg_get_userbyid(role)::text end from unnest(p.polroles) as role) as roles,
       pg_get_expr(p.polqual, p.polrelid) as using,
       pg_get_expr(p.polwithcheck, p.polrelid) as check
  from pg_policy p
  join pg_class c on c.oid = p.polrelid
  join pg_namespace n on n.oid = c.relnamespace
 where ${productNamespaces}
`

const tablesSql = /* sql */ `
select format('%s.%s', n.nspname, c.relname) as name, ${nameOf('coalesce(pg_partition_root(c.oid), c.oid)')} as root
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p') and ${productNamespaces}
 order by 1
`
