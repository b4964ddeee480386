import type { Client } from 'pg'

/** What a trap ends with that was run. */
export const trapCode = 'TRAP1'

/** A function of ours that runs with rights of its own, or from a trigger. */
export interface OwnFunction {
  /** Quoted, with schema and types. */
  signature: string
  call: string
  argumentTypes: string[]
  /** Roles that may call it. */
  callers: string[]
}

const ownSchemas = `n.nspname in ('tenancy', 'directory', 'metering', 'hierarchy', 'lifecycle', 'tenantry')`

const functionsSql = /* sql */ `
select p.oid::regprocedure::text as signature, n.nspname || '.' || p.proname as call,
       array(select format_type(t, null) from unnest(p.proargtypes::oid[]) with ordinality as a (t, place) order by place) as "argumentTypes",
       array(select rolname::text from pg_roles where rolname ~ '^tenantry_(app|platform|jobs)$' and has_function_privilege(oid, p.oid, 'execute') order by 1) as callers
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
 where p.prosecdef and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype) and ${ownSchemas} order by 1`

export const listDefiners = async (admin: Client): Promise<OwnFunction[]> => (await admin.query(functionsSql)).rows

export interface OwnTrigger {
  name: string
  table: string
  event: 'insert' | 'update'
  /** One that it waits for, of an update. */
  column: string
}

const triggersSql = /* sql */ `
select t.tgname as name, t.tgrelid::regclass::text as "table", event.name as event, a.attname as "column"
  from pg_trigger t join pg_proc p on p.oid = t.tgfoid join pg_namespace n on n.oid = p.pronamespace
  cross join (values (4, 'insert'), (16, 'update')) as event (bit, name)
  join pg_attribute a on a.attrelid = t.tgrelid and a.attnum = coalesce(t.tgattr[0], 1)
 where not t.tgisinternal and t.tgtype & event.bit <> 0 and ${ownSchemas} order by 1, 2, 3`

export const listTriggers = async (admin: Client): Promise<OwnTrigger[]> => (await admin.query(triggersSql)).rows

const trap = `language plpgsql set search_path = pg_catalog as 'begin raise exception sqlstate ''${trapCode}''; end'`

/**
 * A schema that comes before all others: in it, under the names that our functions use, tables, types, operators and
 * functions that end with \`trapCode\` whoever runs them. The application could not make it; an administrator can.
 */
export async function layTraps(admin: Client): Promise<{ objects: number }> {
  const { rows } = await admin.query(
    `select distinct m[1] as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace,
            regexp_matches(pg_get_functiondef(p.oid), '\\m([a-z_][a-z0-9_]*)\\M', 'g') m
      where p.prokind = 'f' and ${ownSchemas}`,
  )
  await admin.query(`create schema shadow; create function shadow.trapped() returns boolean ${trap}`)
  for (const sql of [tablesSql, trapTypesSql, trapFunctionsSql, trapOperatorsSql])
    await admin.query(`do $traps$ ${sql.replace('$names', `'{${rows.map(({ name }) => name)}}'::text[]`)} $traps$`)
  await admin.query('grant usage on schema shadow to public; grant all on all tables in schema shadow to public')
  const made = await admin.query(
    `select (select count(*) from pg_class where relnamespace = 'shadow'::regnamespace)
          + (select count(*) from pg_type where typnamespace = 'shadow'::regnamespace and typtype = 'd')
          + (select count(*) from pg_operator where oprnamespace = 'shadow'::regnamespace)
          + (select count(*) from pg_proc where pronamespace = 'shadow'::regnamespace) as objects`,
  )
  return { objects: Number(made.rows[0].objects) }
}

const tablesSql = /* sql */ `
declare t record;
begin
  for t in select c.relname, c.oid::regclass as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relkind in ('r', 'p') and (${ownSchemas} or (n.nspname = 'pg_catalog' and c.relname = any ($names) and c.relname <> 'pg_attribute')) loop
    execute format('create view shadow.%I as select * from %s where shadow.trapped()', t.relname, t.name);
  end loop;
end`

const trapTypesSql = /* sql */ `
declare t record;
begin
  for t in select typname from pg_type where typnamespace = 'pg_catalog'::regnamespace and typtype = 'b' and typname = any ($names) loop
    execute format('create domain shadow.%I as pg_catalog.text check (shadow.trapped())', t.typname);
  end loop;
end`

const impossible = `('internal'::regtype, '"any"'::regtype, 'cstring'::regtype, 'trigger'::regtype, 'event_trigger'::regtype)`

const trapFunctionsSql = /* sql */ `
declare p record;
begin
  for p in
    select distinct on (f.proname, f.proargtypes) f.proname, f.proretset, format_type(f.prorettype, null) as result,
           array_to_string(array(select case when f.provariadic <> 0 and place = f.pronargs then 'variadic ' else '' end || format_type(t, null)
                                   from unnest(f.proargtypes::oid[]) with ordinality as a (t, place) order by place), ', ') as arguments
      from pg_proc f join pg_namespace n on n.oid = f.pronamespace
     where (${ownSchemas} or (n.nspname = 'pg_catalog' and f.proname = any ($names)))
       and f.prokind <> 'p' and f.prorettype not in ${impossible}
       and not exists (select from unnest(f.proargtypes::oid[]) t where t in ${impossible})
  loop
    execute format($make$create function shadow.%I(%s) returns %s %s ${trap}$make$, p.proname, p.arguments,
                   case when p.proretset then 'setof' else '' end, p.result);
  end loop;
end`

const trapOperatorsSql = /* sql */ `
declare o record;
begin
  for o in
    select oprname, oprleft::regtype as left_type, oprright::regtype as right_type, oprresult::regtype as result, oprleft = 0 as prefix,
           'operator_' || oid as made
      from pg_operator
     where oprnamespace = 'pg_catalog'::regnamespace and oprname in ('=', '<>', '<', '<=', '>', '>=', '+', '-', '||', '->', '->>', '@>', '^@', '~', '!~', '&&')
       and (oprleft = 0 or oprleft::regtype::text = any (array['uuid', 'text', 'integer', 'bigint', 'jsonb', 'date', 'timestamp with time zone', 'interval', 'bytea', 'boolean', 'oid', 'anyarray', 'anycompatiblearray', 'anycompatible']))
       and oprright::regtype::text = any (array['uuid', 'text', 'integer', 'bigint', 'jsonb', 'date', 'timestamp with time zone', 'interval', 'bytea', 'boolean', 'oid', 'anyarray', 'anycompatiblearray', 'anycompatible'])
  loop
    execute format($make$create function shadow.%I(%s) returns %s ${trap}$make$, o.made,
                   case when o.prefix then o.right_type::text else o.left_type || ', ' || o.right_type end, o.result);
    execute format('create operator shadow.%s (function = shadow.%I, %s rightarg = %s)', o.oprname, o.made,
                   case when o.prefix then '' else 'leftarg = ' || o.left_type || ',' end, o.right_type);
  end loop;
end`
