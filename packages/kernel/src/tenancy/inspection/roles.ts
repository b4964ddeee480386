import type { ExpectedDatabase, ExpectedRoles, Finding, Query } from './expected.ts'

interface FoundRole {
  name: string
  login: boolean
  /** Attributes that no role of an installation has. */
  excess: string[]
  settings: string[]
}

interface Membership {
  role: string
  member: string
  more: string[]
}

const hidden = 'track_activities=off'

/** No role is more than it must be: nobody bypasses policies, is a member of another role, or owns what it serves. */
export async function inspectRoles(query: Query, { roles, schemaOwners }: ExpectedDatabase): Promise<Finding[]> {
  const names = namesOf(roles)
  const found = await query<FoundRole>(rolesSql, [names])
  const missing = names.filter((name) => !found.some((role) => role.name === name))
  if (missing.length > 0) {
    return missing.map((name) => ({ subject: `role ${name}`, message: 'There is no such role: provision the roles.' }))
  }
  return [
    ...found.flatMap((role) => roleFindings(role, roles)),
    ...membershipFindings(await query<Membership>(membershipsSql, [names]), roles),
    ...(await ownershipFindings(query, roles)),
    ...(await schemaFindings(query, schemaOwners)),
  ]
}

/** No role shows what it executes, and the serving ones can neither look at other sessions nor reach into them. */
export async function inspectActivity(query: Query, { roles }: ExpectedDatabase): Promise<Finding[]> {
  const { login, serving, refusedFunctions } = roles
  const found = await query<FoundRole>(rolesSql, [namesOf(roles)])
  const shown = found.filter(({ name, settings }) => login.includes(name) && !settings.includes(hidden))
  const allowed = await query<{ role: string; fn: string }>(refusedSql, [[...serving], [...refusedFunctions]])
  return [
    ...(await handedOutFindings(query)),
    ...shown.map(({ name }) => ({
      subject: `role ${name}`,
      message: `It shows its statements to other sessions: alter role ${name} set track_activities = off.`,
    })),
    ...allowed.map(({ role, fn }) => ({
      subject: `role ${role}`,
      message: `It may execute ${fn}: revoke execute on function ${fn} from public.`,
    })),
  ]
}

/** By which statements, or what they are about, come to the server's log or to the eyes of others. */
const telling =
  /^(log_statement|log_min_duration_|log_parameter_|log_min_error_statement|log_transaction_sample|debug_print|auto_explain\.|pgaudit\.|track_activities$)/
const everywhere = 'Every database'
const harmless =
  /=(off|none|false|no|panic)$|^log_min_duration_\w+=-1$|^log_(parameter_max_length\w*|\w+_sample_rate)=0$/

/** What the database, or all of them, hand to every session: the pools start theirs with some settings only. */
async function handedOutFindings(query: Query): Promise<Finding[]> {
  const found = await query<{ scope: string; setting: string }>(handedOutSql)
  return found
    .filter(({ setting }) => !setting.startsWith('session_replication_role='))
    .map(({ scope, setting }) => {
      const [name = ''] = setting.split('=')
      const subject = `setting ${name}`
      const reset = scope === everywhere ? `alter role all reset ${name}` : `alter database … reset ${name}`
      return telling.test(name) && !harmless.test(setting)
        ? { subject, message: `${scope} has ${setting}, which may write what tenants say into a log: ${reset}.` }
        : {
            subject,
            message: `${scope} has ${setting}, which no migration sets: ${reset}.`,
            severity: 'warning' as const,
          }
    })
}

/** The serving roles define nothing, and no session is told to leave keys and event triggers out. */
export async function inspectDefinitions(query: Query, { roles }: ExpectedDatabase): Promise<Finding[]> {
  const { refusingTrigger } = roles
  const replicas = await replicaFindings(query)
  const triggers = await query(triggerSql, [refusingTrigger])
  if (triggers.length > 0) return replicas
  const message =
    'It is missing, switched off or narrowed, so the serving roles may define things: provision the database anew.'
  return [...replicas, { subject: `event trigger ${refusingTrigger}`, message }]
}

const namesOf = ({ login, function: owners }: ExpectedRoles) => [...login, ...owners]

function roleFindings({ name, login, excess, settings }: FoundRole, roles: ExpectedRoles): Finding[] {
  const logsIn = roles.login.includes(name)
  const more = settings.filter((setting) => setting !== hidden || !logsIn)
  const messages = [
    ...excess.map((attribute) => `It is ${attribute}: alter role ${name} no${attribute}.`),
    login !== logsIn && `It ${login ? 'can' : 'cannot'} log in: alter role ${name} ${logsIn ? '' : 'no'}login.`,
    more.length > 0 && `It was altered to ${more.join(', ')}: provision the roles anew.`,
  ]
  return messages.filter((message) => message !== false).map((message) => ({ subject: `role ${name}`, message }))
}

function membershipFindings(found: readonly Membership[], roles: ExpectedRoles): Finding[] {
  const isExpected = ({ role, member }: Membership) => member === roles.owner && roles.function.includes(role)
  const missing = roles.function.filter((role) => !found.some((held) => held.role === role && isExpected(held)))
  return [
    ...missing.map((role) => ({
      subject: `role ${roles.owner}`,
      message: `It cannot become ${role}, as migrations must: grant ${role} to ${roles.owner}.`,
    })),
    ...found
      .filter((held) => !isExpected(held))
      .map(({ role, member }) => ({
        subject: `role ${member}`,
        message: `It is a member of ${role}: revoke ${role} from ${member}.`,
      })),
    ...found.filter(isExpected).flatMap(({ role, member, more }) =>
      more.map((option) => ({
        subject: `role ${member}`,
        message: `It holds ${role} with ${option}: revoke ${option} for ${role} from ${member}.`,
      })),
    ),
  ]
}

async function ownershipFindings(query: Query, { serving }: ExpectedRoles): Promise<Finding[]> {
  const owned = await query<{ owner: string; object: string }>(ownedSql, [[...serving]])
  return owned.map(({ owner, object }) => ({
    subject: `role ${owner}`,
    message: `It owns the ${object}, and an owner may take its protection off: give it to the owner of its schema.`,
  }))
}

async function replicaFindings(query: Query): Promise<Finding[]> {
  const found = await query<{ scope: string }>(replicaSql)
  return found.map(({ scope }) => ({
    subject: 'setting session_replication_role',
    message: `It is replica for all sessions of ${scope}, so foreign keys and the refusal of definitions do not work: reset it.`,
  }))
}

async function schemaFindings(query: Query, owners: ExpectedDatabase['schemaOwners']): Promise<Finding[]> {
  const schemas = await query<{ name: string; owner: string }>(schemasSql)
  return schemas.flatMap(({ name, owner }) => {
    const rightOwner = owners[name]
    if (rightOwner === owner) return []
    const message =
      rightOwner === undefined
        ? 'Nothing is known of this schema: drop it, or declare who owns it.'
        : `${owner} owns it: alter schema ${name} owner to ${rightOwner}.`
    return [{ subject: `schema ${name}`, message }]
  })
}

const rolesSql = /* sql */ `
select r.rolname::text as name, r.rolcanlogin as login,
       array_remove(array[
         case when r.rolsuper then 'superuser' end, case when r.rolbypassrls then 'bypassrls' end,
         case when r.rolcreaterole then 'createrole' end, case when r.rolcreatedb then 'createdb' end,
         case when r.rolreplication then 'replication' end, case when r.rolinherit then 'inherit' end
       ], null) as excess,
       array(select case when s.setdatabase = 0 then setting else format('%s in this database', setting) end
               from pg_db_role_setting s, unnest(s.setconfig) as setting
              where s.setrole = r.oid
                and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))) as settings
  from pg_roles r
 where r.rolname = any ($1)
 order by 1
`

/** Before PostgreSQL 16 a membership has no options of its own, so that they are read by name. */
const membershipsSql = /* sql */ `
select r.rolname::text as role, m.rolname::text as member,
       array_remove(array[
         case when a.admin_option then 'admin option' end,
         case when (to_jsonb(a) ->> 'inherit_option')::boolean then 'inherit option' end
       ], null) as more
  from pg_auth_members a
  join pg_roles r on r.oid = a.roleid
  join pg_roles m on m.oid = a.member
 where (r.rolname = any ($1) or m.rolname = any ($1)) and not m.rolsuper
 order by 1, 2
`

const ownedSql = /* sql */ `
select r.rolname::text as owner, pg_describe_object(d.classid, d.objid, d.objsubid) as object
  from pg_shdepend d
  join pg_roles r on r.oid = d.refobjid and d.refclassid = 'pg_authid'::regclass
 where d.deptype = 'o' and r.rolname = any ($1)
   and d.dbid in (0, (select oid from pg_database where datname = current_database()))
 order by 1, 2
`

const refusedSql = /* sql */ `
select r.rolname::text as role, fn
  from pg_roles r, unnest($2::text[]) as fn
 where r.rolname = any ($1) and has_function_privilege(r.oid, fn, 'execute')
`

const triggerSql = /* sql */ `
select from pg_event_trigger
 where evtname = $1 and evtenabled in ('O', 'A') and evtevent = 'ddl_command_start' and evttags is null
`

/** What a database or the whole server hands to every session. */
const replicaSql = /* sql */ `
select case s.setdatabase when 0 then 'all databases' else 'this database' end as scope
  from pg_db_role_setting s
 where s.setrole = 0 and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
   and 'session_replication_role=replica' = any (s.setconfig)
`

const handedOutSql = /* sql */ `
select case s.setdatabase when 0 then 'Every database' else 'This database' end as scope, setting
  from pg_db_role_setting s, unnest(s.setconfig) as setting
 where s.setrole = 0 and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
 order by 1, 2
`

const schemasSql = /* sql */ `
select n.nspname::text as name, pg_get_userbyid(n.nspowner)::text as owner
  from pg_namespace n
 where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
 order by 1
`
