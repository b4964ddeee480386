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
const objectsSql = /* sql */ `
  select format('table %s.%s', n.nspname, c.relname) as object, null::name as part, n.nspname, c.relowner as owner,
         c.relacl as acl, acldefault('r', c.relowner) as usual, 'pg_class'::regclass as class, c.oid as id, 0 as place
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm', 'f')
  union all
  select format('sequence %s.%s', n.nspname, c.relname), null, n.nspname, c.relowner,
         c.relacl, acldefault('s', c.relowner), 'pg_class'::regclass, c.oid, 0
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'S'
  union all
  select format('table %s.%s', n.nspname, c.relname), t.attname, n.nspname, c.relowner,
         t.attacl, acldefault('c', c.relowner), 'pg_class'::regclass, c.oid, t.attnum
    from pg_attribute t join pg_class c on c.oid = t.attrelid join pg_namespace n on n.oid = c.relnamespace
  union all
  select format('schema %s', n.nspname), null, n.nspname, n.nspowner,
         n.nspacl, acldefault('n', n.nspowner), 'pg_namespace'::regclass, n.oid, 0
    from pg_namespace n
  union all
  select format('function %s.%s(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)), null, n.nspname, p.proowner,
         p.proacl, acldefault('f', p.proowner), 'pg_proc'::regclass, p.oid, 0
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  union all
  select 'database', null, 'database', d.datdba, d.datacl, acldefault('d', d.datdba), 'pg_database'::regclass, d.oid, 0
    from pg_database d where d.datname = current_database()
  union all
  select format('default privileges of %s', pg_get_userbyid(d.defaclrole)), null, 'default', d.defaclrole,
         d.defaclacl, '{}', 'pg_default_acl'::regclass, d.oid, 0
    from pg_default_acl d
  union all
  select format('setting %s', s.parname), null, 'setting', null, s.paracl, '{}', 'pg_parameter_acl'::regclass, s.oid, 0
    from pg_parameter_acl s
`

/** An object of PostgreSQL's own that nobody granted anything of is as it was made: most of the catalogue needs no look. */
const grantedSomethingSql = /* sql */ `n.acl is not null or i.objoid is not null or (${productNamespaces})`

/** What of PostgreSQL's own is open to everybody is on record from its setup; whatever is more was granted since. */
const grantedSinceSql = /* sql */ `
  n.nspname = 'pg_catalog' and a.grantee = 0 and not exists (
    select from aclexplode(coalesce(i.initprivs, n.usual)) first
     where first.grantee = 0 and first.privilege_type = a.privilege_type)
`

const grantsSql = /* sql */ `
select n.object, lower(a.privilege_type) || coalesce(' (' || n.part || ')', '')
         || case when a.is_grantable then ' with grant option' else '' end as privilege,
       coalesce(r.rolname::text, 'public') as grantee
  from (${objectsSql}) n
  left join pg_init_privs i on (i.classoid, i.objoid, i.objsubid) = (n.class, n.id, n.place)
 cross join lateral aclexplode(coalesce(n.acl, n.usual)) a
  left join pg_roles r on r.oid = a.grantee
 where (${grantedSomethingSql}) and a.grantee is distinct from n.owner and r.rolsuper is not true
   and ((${productNamespaces}) or r.rolname = any ($1) or (${grantedSinceSql}))
 order by 1, 3, 2
`
