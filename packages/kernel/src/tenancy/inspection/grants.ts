import { type ExpectedDatabase, type ExpectedGrants, type Finding, productNamespaces, type Query } from './expected.ts'

interface Grant {
  /** `table tenantry.tenants`, `schema tenantry`, `function …`, `database`. */
  object: string
  /** `select`, or `update (name)` for one column. */
  privilege: string
  grantee: string
}

/** Nobody holds more or less than is listed. Owners and superusers are left out: they hold everything on what is theirs. */
export async function inspectGrants(query: Query, { grants, roles }: ExpectedDatabase): Promise<Finding[]> {
  const found = await query<Grant>(grantsSql, [[...roles.login, ...roles.function]])
  const expected = expectedGrants(grants)
  const key = ({ object, privilege, grantee }: Grant) => `${privilege} on ${object} to ${grantee}`
  const [wanted, held] = [new Set(expected.map(key)), new Set(found.map(key))]
  return [
    ...expected.filter((grant) => !held.has(key(grant))).map(missing),
    ...found.filter((grant) => !wanted.has(key(grant))).map(undeclared),
  ]
}

const missing = ({ object, privilege, grantee }: Grant): Finding => ({
  subject: object,
  message: `${grantee} lacks ${privilege}: grant it in a migration, or take it off the declared grants.`,
})

const undeclared = ({ object, privilege, grantee }: Grant): Finding => ({
  subject: object,
  message: `${grantee} holds ${privilege}, which is not declared: revoke it, or declare it with the grants.`,
})

function expectedGrants({ tables, schemas, functions, extensionFunctions, database }: ExpectedGrants): Grant[] {
  const to = (object: string, privilege: string) => (grantee: string) => ({ object, privilege, grantee })
  return [
    ...Object.entries(tables).flatMap(([name, byRole]) =>
      Object.entries(byRole).flatMap(([grantee, held]) =>
        held.flatMap(privileges).map((privilege) => ({ object: `table ${name}`, privilege, grantee })),
      ),
    ),
    ...Object.entries(schemas).flatMap(([name, users]) => users.map(to(`schema ${name}`, 'usage'))),
    ...Object.entries({ ...functions, ...extensionFunctions }).flatMap(([name, users]) =>
      users.map(to(`function ${name}`, 'execute')),
    ),
    ...Object.entries(database).flatMap(([grantee, held]) =>
      held.map((privilege) => ({ object: 'database', privilege, grantee })),
    ),
  ]
}

function privileges(privilege: ExpectedGrants['tables'][string][string][number]): string[] {
  if (typeof privilege === 'string') return [privilege]
  return Object.entries<readonly string[]>(privilege).flatMap(([name, columns]) =>
    columns.map((column) => `${name} (${column})`),
  )
}

/** What PostgreSQL grants by itself where nobody granted anything counts too: everybody may execute a new function. */
const acl = (column: string, kind: string, owner: string) =>
  `aclexplode(coalesce(${column}, acldefault('${kind}', ${owner}))) a where a.grantee <> ${owner}`

const grantsSql = /* sql */ `
select object, lower(privilege) || case when is_grantable then ' with grant option' else '' end as privilege,
       coalesce(r.rolname::text, 'public') as grantee
  from (
    select format('table %s.%s', n.nspname, c.relname) as object, n.nspname, a.privilege_type as privilege, a.grantee, a.is_grantable
      from pg_class c join pg_namespace n on n.oid = c.relnamespace, lateral ${acl('c.relacl', 'r', 'c.relowner')}
       and c.relkind in ('r', 'p', 'v', 'm', 'f')
    union all
    select format('sequence %s.%s', n.nspname, c.relname), n.nspname, a.privilege_type, a.grantee, a.is_grantable
      from pg_class c join pg_namespace n on n.oid = c.relnamespace, lateral ${acl('c.relacl', 's', 'c.relowner')}
       and c.relkind = 'S'
    union all
    select format('table %s.%s', n.nspname, c.relname), n.nspname, format('%s (%s)', a.privilege_type, t.attname), a.grantee, a.is_grantable
      from pg_attribute t join pg_class c on c.oid = t.attrelid join pg_namespace n on n.oid = c.relnamespace,
           lateral aclexplode(t.attacl) a where a.grantee <> c.relowner
    union all
    select format('schema %s', n.nspname), n.nspname, a.privilege_type, a.grantee, a.is_grantable
      from pg_namespace n, lateral ${acl('n.nspacl', 'n', 'n.nspowner')}
    union all
    select format('function %s.%s(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)), n.nspname, a.privilege_type, a.grantee, a.is_grantable
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace, lateral ${acl('p.proacl', 'f', 'p.proowner')}
    union all
    select 'database', 'database', a.privilege_type, a.grantee, a.is_grantable
      from pg_database d, lateral ${acl('d.datacl', 'd', 'd.datdba')} and d.datname = current_database()
    union all
    select format('default privileges of %s', pg_get_userbyid(d.defaclrole)), 'default', a.privilege_type, a.grantee, a.is_grantable
      from pg_default_acl d, lateral aclexplode(d.defaclacl) a where a.grantee <> d.defaclrole
    union all
    select format('setting %s', s.parname), 'setting', a.privilege_type, a.grantee, a.is_grantable
      from pg_parameter_acl s, lateral aclexplode(s.paracl) a
  ) n
  left join pg_roles r on r.oid = n.grantee
 where r.rolsuper is not true and ((${productNamespaces}) or r.rolname = any ($1))
 order by 1, 3, 2
`
