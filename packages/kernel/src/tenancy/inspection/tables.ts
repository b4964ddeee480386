import {
  type ExpectedDatabase,
  expectedTable,
  type Finding,
  nameOf,
  productNamespaces,
  type Query,
  schemaOf,
} from './expected.ts'

interface Relation {
  name: string
  kind: 'table' | 'view' | 'materialized view' | 'foreign table'
  owner: string
  enabled: boolean
  forced: boolean
  securityInvoker: boolean
  /** The table it is a partition of, itself if it is none. */
  root: string
}

/** Every table is listed, owned by the owner of its schema; a view reads as its reader. */
export async function inspectTables(query: Query, expected: ExpectedDatabase): Promise<Finding[]> {
  const relations = await query<Relation>(relationsSql)
  const missing = expected.tables
    .filter(({ name }) => !name.endsWith('.*') && !relations.some((relation) => relation.name === name))
    .map(({ name }) => ({ subject: `table ${name}`, message: 'There is no such table: run the migrations.' }))
  return [...missing, ...relations.flatMap((relation) => relationFindings(relation, expected))]
}

/** Row-level security is on and forced, on partitions too. */
export async function inspectRowSecurity(query: Query, expected: ExpectedDatabase): Promise<Finding[]> {
  const relations = await query<Relation>(relationsSql)
  return relations.filter(({ kind }) => kind === 'table').flatMap((relation) => rowSecurity(relation, expected))
}

function rowSecurity({ name, root, enabled, forced }: Relation, expected: ExpectedDatabase): Finding[] {
  // The queue makes partitions while it runs; nobody but its owner may use its schema.
  if (expectedTable(expected, root)?.scope === 'system' && root !== name) return []
  const messages = [
    !enabled && `Row-level security is off: alter table ${name} enable row level security.`,
    !forced &&
      `Row-level security is not forced, so its owner sees every row: alter table ${name} force row level security.`,
  ]
  return messages.filter((message) => message !== false).map((message) => ({ subject: `table ${name}`, message }))
}

function relationFindings({ name, kind, owner, root, securityInvoker }: Relation, expected: ExpectedDatabase) {
  const listed = expectedTable(expected, root)
  const rightOwner = expected.schemaOwners[schemaOf(name)]
  const messages: (string | false)[] = [
    listed === undefined &&
      'It is in no list: add its entity to tenantTables, or to platformTables with the reason, in entities.ts.',
    rightOwner !== undefined &&
      owner !== rightOwner &&
      `${owner} owns it: alter ${kind} ${name} owner to ${rightOwner}.`,
    kind === 'view' &&
      !securityInvoker &&
      `It reads as its owner, past the policies of its reader: alter view ${name} set (security_invoker = true).`,
  ]
  return messages.filter((message) => message !== false).map((message) => ({ subject: `${kind} ${name}`, message }))
}

const relationsSql = /* sql */ `
select format('%s.%s', n.nspname, c.relname) as name,
       case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table' else 'table' end as kind,
       pg_get_userbyid(c.relowner)::text as owner,
       c.relrowsecurity as enabled,
       c.relforcerowsecurity as forced,
       coalesce(c.reloptions, '{}') && array['security_invoker=true', 'security_invoker=on', 'security_invoker=1'] as "securityInvoker",
       ${nameOf('coalesce(pg_partition_root(c.oid), c.oid)')} as root
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'v', 'm', 'f') and ${productNamespaces}
 order by 1
`
