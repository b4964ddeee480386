const tables = /* sql */ `
alter table tenantry.tenants add delete_after timestamptz null, add removal jsonb null;
create index tenants_status_until_index on tenantry.tenants (status_until);
create index tenants_delete_after_index on tenantry.tenants (delete_after);
create policy tenant_purge on tenantry.tenants to tenantry_lifecycle using (id = (select tenancy.current_tenant())) with check (id = (select tenancy.current_tenant()));
create policy purge_below on tenantry.tenants for select to tenantry_lifecycle using (parent_id = (select tenancy.current_tenant()));

create table tenantry.deletion_reports (purged_tenant_id uuid not null, requested_by varchar(255) not null, requested_at timestamptz not null,
  delete_after timestamptz not null, started_at timestamptz not null, completed_at timestamptz null, tables jsonb not null,
  primary key (purged_tenant_id));
create index deletion_reports_started_at_purged_tenant_id_index on tenantry.deletion_reports (started_at, purged_tenant_id);
alter table tenantry.deletion_reports enable row level security;
alter table tenantry.deletion_reports force row level security;
create policy platform_reports on tenantry.deletion_reports for select to tenantry_platform
  using ((select tenancy.current_operator()) is not null or purged_tenant_id = (select tenancy.current_tenant()));
create policy purge on tenantry.deletion_reports to tenantry_lifecycle
  using (purged_tenant_id = (select tenancy.current_tenant())) with check (purged_tenant_id = (select tenancy.current_tenant()));
alter table tenantry.deletion_reports add constraint deletion_reports_tenant_fk foreign key (purged_tenant_id) references tenantry.tenants (id);

grant update (delete_after, removal) on tenantry.tenants to tenantry_platform;
grant usage on schema tenantry, tenancy to tenantry_lifecycle;
grant execute on function tenancy.current_tenant() to tenantry_lifecycle;
grant select, update (slug, external_id, name, contact_email, organization_type, website_url, timezone, former_timezones, tags,
  status, status_reason, status_until, delete_after, removal, version, updated_at) on tenantry.tenants to tenantry_lifecycle;
grant select on tenantry.deletion_reports to tenantry_platform;
grant select, insert, update (completed_at, tables) on tenantry.deletion_reports to tenantry_lifecycle;
`

/** What the tables of tenants that are there already owe the purge; later ones bring it along. */
const purgeRights = /* sql */ `
do $$
declare
  name text;
begin
  for name in select c.oid::regclass::text from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
               where c.relnamespace = 'tenantry'::regnamespace and c.relkind in ('r', 'p') loop
    execute format('create policy tenant_purge on %s to tenantry_lifecycle using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()))', name);
    execute format('grant select, delete on %s to tenantry_lifecycle', name);
  end loop;
end $$;
`

const lookUps = /* sql */ `
set local role tenantry_directory;

drop function directory.find_access(text);
create function directory.find_access(reference text)
returns table (tenant_id uuid, slug text, name text, status text, status_reason text, plan text, timezone text,
  former_timezones jsonb, created_at timestamptz, role text, inherited_from uuid, path uuid[], inactive_ancestor jsonb)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select t.id, t.slug::text, t.name::text, t.status::text, t.status_reason::text, t.plan::text,
         t.timezone::text, t.former_timezones, t.created_at, m.role::text, nullif(m.tenant_id, t.id), t.path,
         (select jsonb_build_object('id', above.id, 'status', above.status) from tenantry.tenants above
           where above.id = any (t.path) and above.status <> 'active' order by cardinality(above.path) limit 1)
    from tenantry.tenants t
    join tenantry.memberships m on m.tenant_id = t.id or (m.inheritable and m.tenant_id = any (t.path))
   where t.id = (select directory.tenant_id_of(find_access.reference))
     and m.user_id = (select tenancy.current_user_id()) and t.status <> 'purged'
   order by array_position(array['owner', 'admin', 'member', 'viewer'], m.role::text), (m.tenant_id <> t.id)
   limit 1;
end;

create function directory.live_child_count() returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select count(*) from tenantry.tenants t
   where t.parent_id = (select tenancy.current_tenant()) and t.status not in ('deleting', 'purged');
end;

create function directory.is_parent_going() returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select exists (
    select from tenantry.tenants t join tenantry.tenants above on above.id = t.parent_id
     where t.id = (select tenancy.current_tenant()) and above.status in ('deleting', 'purged')
  );
end;

revoke all on function directory.find_access(text), directory.live_child_count(), directory.is_parent_going() from public;
grant execute on function directory.find_access(text) to tenantry_app;
grant execute on function directory.live_child_count(), directory.is_parent_going() to tenantry_platform;
reset role;
`

const purge = /* sql */ `
set local role tenantry_lifecycle;

-- Those that refer to others come before them.
create function lifecycle.tenant_tables() returns setof regclass
language sql stable set search_path = pg_catalog, pg_temp
begin atomic
  with recursive held as (
    select c.oid from pg_class c
      join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
     where c.relnamespace = 'tenantry'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  ),
  referring (oid, depth) as (
    select held.oid, 0 from held
    union
    select held.oid, referring.depth + 1
      from referring
      join pg_constraint k on k.contype = 'f' and k.confrelid = referring.oid and k.conrelid <> k.confrelid
      join held on held.oid = k.conrelid
     where referring.depth < 30
  )
  select referring.oid::regclass from referring group by referring.oid
   order by max(referring.depth) desc, referring.oid::regclass::text;
end;

-- One batch of rows of the signed tenant, from the first table that has any. Where none has, all are counted again and the
-- tenant is purged. The lock keeps out whoever would restore it, or still write to it.
create function lifecycle.purge_batch(batch_rows integer) returns table (outcome text, deleted bigint)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  doomed record;
  report jsonb;
  name text;
  counted bigint;
  removed bigint;
begin
  select t.id, t.status, t.delete_after, t.removal into doomed
    from tenantry.tenants t where t.id = tenancy.current_tenant() for update;
  if not found then
    raise insufficient_privilege using message = 'a purge needs a signed tenant context';
  end if;
  if doomed.status <> 'deleting' or coalesce(doomed.delete_after > clock_timestamp(), true) then
    return query select 'not_due', 0::bigint;
    return;
  end if;
  if exists (select from tenantry.tenants t where t.parent_id = doomed.id and t.status <> 'purged') then
    return query select 'has_children', 0::bigint;
    return;
  end if;
  select string_agg(t::text, ', ') into name from lifecycle.tenant_tables() t
   where not exists (select from pg_policy p where p.polrelid = t and p.polcmd = '*' and 'tenantry_lifecycle'::regrole = any (p.polroles));
  if name is not null then
    raise insufficient_privilege using message = 'no policy shows the purge the rows of ' || name;
  end if;

  insert into tenantry.deletion_reports (purged_tenant_id, requested_by, requested_at, delete_after, started_at, tables)
  values (doomed.id, coalesce(doomed.removal ->> 'by', 'unknown'), coalesce((doomed.removal ->> 'at')::timestamptz, doomed.delete_after),
          doomed.delete_after, date_trunc('milliseconds', clock_timestamp()), '{}')
  on conflict do nothing;
  select r.tables into report from tenantry.deletion_reports r where r.purged_tenant_id = doomed.id;

  for name in select t::text from lifecycle.tenant_tables() t loop
    if report -> name is null then
      execute format('select count(*) from %s where tenant_id = $1', name) into counted using doomed.id;
      report := report || jsonb_build_object(name, jsonb_build_object('counted', counted, 'deleted', 0));
    end if;
    execute format('delete from %1$s where tenant_id = $1 and ctid = any (array(select ctid from %1$s where tenant_id = $1 limit $2))', name)
      using doomed.id, batch_rows;
    get diagnostics removed = row_count;
    if removed > 0 then
      report := jsonb_set(report, array[name, 'deleted'], to_jsonb((report -> name ->> 'deleted')::bigint + removed));
      update tenantry.deletion_reports r set tables = report where r.purged_tenant_id = doomed.id;
      return query select 'deleted', removed;
      return;
    end if;
  end loop;

  for name in select t::text from lifecycle.tenant_tables() t loop
    execute format('select count(*) from %s where tenant_id = $1', name) into counted using doomed.id;
    if counted > 0 then
      raise exception 'rows came to % while its tenant was purged', name;
    end if;
    report := jsonb_set(report, array[name, 'left'], to_jsonb(counted));
  end loop;
  -- With a space, which neither a slug nor an externalId may have: nobody can take the name first and so keep the purge out.
  update tenantry.tenants t
     set status = 'purged', slug = 'purged ' || t.id, external_id = null, name = 'Purged tenant',
         contact_email = '', organization_type = null, website_url = null, timezone = 'UTC', former_timezones = '[]', tags = '{}',
         status_reason = null, status_until = null, delete_after = null, removal = null, version = t.version + 1,
         updated_at = clock_timestamp()
   where t.id = doomed.id;
  update tenantry.deletion_reports r set tables = report, completed_at = date_trunc('milliseconds', clock_timestamp())
   where r.purged_tenant_id = doomed.id;
  return query select 'purged', 0::bigint;
end $$;

revoke all on all functions in schema lifecycle from public;
grant usage on schema lifecycle to tenantry_platform;
grant execute on function lifecycle.purge_batch(integer) to tenantry_platform;
reset role;
`

/** How tenants end: what an ancestor's state does to those below, restorable deletion, and the purge with its report. */
export const lifecycleSql = `${tables}${purgeRights}${lookUps}${purge}`
