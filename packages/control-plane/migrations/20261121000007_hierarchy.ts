const tables = /* sql */ `
alter table tenantry.tenants
  add name_key text collate "C" generated always as (lower(name::text)) stored,
  add slug_key text collate "C" generated always as (lower(slug::text)) stored,
  add contact_email_key text collate "C" generated always as (lower(contact_email::text)) stored,
  add external_id_key text collate "C" generated always as (lower(external_id::text)) stored;
create index tenants_name_key_index on tenantry.tenants (name_key);
create index tenants_slug_key_index on tenantry.tenants (slug_key);
create index tenants_contact_email_key_index on tenantry.tenants (contact_email_key);
create index tenants_external_id_key_index on tenantry.tenants (external_id_key);
drop index tenantry.tenants_parent_id_index;
create index tenants_parent_id_id_index on tenantry.tenants (parent_id, id);
create index tenants_status_id_index on tenantry.tenants (status, id);
create index tenants_plan_id_index on tenantry.tenants (plan, id);
create policy hierarchy_read on tenantry.tenants for select to tenantry_hierarchy using (true);
create policy hierarchy_move on tenantry.tenants for update to tenantry_hierarchy
  using (id = (select tenancy.current_tenant()) or path @> array[(select tenancy.current_tenant())])
  with check (id = (select tenancy.current_tenant()) or path @> array[(select tenancy.current_tenant())]);

create table tenantry.settings_inheritance (tenant_id uuid not null, defaults jsonb not null, locks text[] not null,
  version int not null default 1, updated_at timestamptz not null, primary key (tenant_id));
alter table tenantry.settings_inheritance enable row level security;
alter table tenantry.settings_inheritance force row level security;
create policy tenant_isolation on tenantry.settings_inheritance to tenantry_app using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy platform_tenant on tenantry.settings_inheritance to tenantry_platform using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy platform_read on tenantry.settings_inheritance for select to tenantry_platform using ((select tenancy.current_operator()) is not null);
create policy tenant_purge on tenantry.settings_inheritance to tenantry_lifecycle using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy hierarchy_read on tenantry.settings_inheritance for select to tenantry_hierarchy
  using (tenant_id = any ((select own.path from tenantry.tenants own where own.id = (select tenancy.current_tenant()))::uuid[]));
grant select, delete on tenantry.settings_inheritance to tenantry_lifecycle;
alter table tenantry.settings_inheritance add constraint settings_inheritance_tenant_fk foreign key (tenant_id) references tenantry.tenants (id);
`

const inSubtree = /* sql */ `using (tenant_id in (select t.id from tenantry.tenants t
  where t.id = (select tenancy.current_tenant()) or t.path @> array[(select tenancy.current_tenant())]))`

const rights = /* sql */ `
create policy hierarchy_read on tenantry.memberships for select to tenantry_hierarchy ${inSubtree};
create policy hierarchy_read on tenantry.usage_daily for select to tenantry_hierarchy ${inSubtree};
create policy hierarchy_read on tenantry.usage_counters for select to tenantry_hierarchy ${inSubtree};
grant usage on schema tenantry, tenancy to tenantry_hierarchy;
grant execute on function tenancy.current_tenant() to tenantry_hierarchy;
grant select, update (parent_id, path, version, updated_at) on tenantry.tenants to tenantry_hierarchy;
grant select on tenantry.memberships, tenantry.usage_daily, tenantry.usage_counters, tenantry.settings_inheritance to tenantry_hierarchy;
grant select, insert, update (defaults, locks, version, updated_at) on tenantry.settings_inheritance to tenantry_app, tenantry_platform;
`

/** What the signed user reaches: tenants of a membership, and what is below those that are inheritable. */
const reach = /* sql */ `reach as materialized (
    select session_user = 'tenantry_platform' as everything,
           coalesce(array_agg(m.tenant_id), '{}') as direct,
           coalesce(array_agg(m.tenant_id) filter (where m.inheritable), '{}') as inheritable
      from tenantry.memberships m where m.user_id = (select tenancy.current_user_id())
  )`

const isReached = '(reach.everything or t.id = any (reach.direct) or t.path && reach.inheritable)'

/** Below every id there is. */
const startAt = (cursor: string) => `t.id < coalesce(${cursor}, 'ffffffff-ffff-ffff-ffff-ffffffffffff')`

/**
 * Whose parent it is, as a range: where most tenants have one parent, an equality is taken for no reason to use the
 * index over parents, and lists of the few others read the whole table.
 */
const below = (table: string, parent: string) => `${table}.parent_id >= ${parent} and ${table}.parent_id <= ${parent}`

const lookUps = /* sql */ `
set local role tenantry_directory;

create function directory.list_tenants(before uuid, page_size integer, of_status text, of_plan text, of_parent uuid,
  with_tag text, beginning text)
returns table (tenant_id uuid, slug text, name text, status text, plan text, external_id text, contact_email text,
  tags text[], parent_id uuid, created_at timestamptz, role text, inherited_from uuid)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  with found as (
    select distinct on (t.id) t.id, m.role::text as role, nullif(m.tenant_id, t.id) as inherited_from
      from tenantry.memberships m
      cross join lateral (
        select own.* from tenantry.tenants own where own.id = m.tenant_id
        union all
        select descendant.* from tenantry.tenants descendant where m.inheritable and descendant.path @> array[m.tenant_id]
      ) t
     where m.user_id = (select tenancy.current_user_id()) and t.status <> 'purged' and ${startAt('before')}
       and (of_status is null or t.status = of_status) and (of_plan is null or t.plan = of_plan)
       and (of_parent is null or t.parent_id = of_parent) and (with_tag is null or with_tag = any (t.tags))
       and (beginning is null or t.name_key ^@ beginning or t.slug_key ^@ beginning
            or t.contact_email_key ^@ beginning or t.external_id_key ^@ beginning)
     order by t.id desc, array_position(array['owner', 'admin', 'member', 'viewer'], m.role::text), (m.tenant_id <> t.id)
     limit page_size
  )
  select t.id, t.slug::text, t.name::text, t.status::text, t.plan::text, t.external_id::text, t.contact_email::text,
         t.tags, t.parent_id, t.created_at, found.role, found.inherited_from
    from found join tenantry.tenants t on t.id = found.id
   order by t.id desc;
end;

create function directory.children(before uuid, page_size integer)
returns table (tenant_id uuid, parent_id uuid, slug text, name text, status text, plan text, created_at timestamptz,
  has_children boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  with ${reach}
  select t.id, t.parent_id, t.slug::text, t.name::text, t.status::text, t.plan::text, t.created_at,
         (select true from tenantry.tenants child where ${below('child', 't.id')} and child.status <> 'purged'
           order by child.parent_id, child.id limit 1) is not null
    from tenantry.tenants t cross join reach
   where ${below('t', '(select tenancy.current_tenant())')} and t.status <> 'purged' and ${startAt('before')} and ${isReached}
   order by t.parent_id desc, t.id desc
   limit page_size;
end;

create function directory.subtree(levels integer, maximum integer)
returns table (tenant_id uuid, parent_id uuid, slug text, name text, status text, plan text, created_at timestamptz,
  depth integer)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  with ${reach},
  root as (select own.id, cardinality(own.path) as level from tenantry.tenants own where own.id = (select tenancy.current_tenant()))
  select t.id, t.parent_id, t.slug::text, t.name::text, t.status::text, t.plan::text, t.created_at,
         cardinality(t.path) - root.level
    from tenantry.tenants t cross join reach cross join root
   where (t.id = (select tenancy.current_tenant()) or t.path @> array[(select tenancy.current_tenant())])
     and t.status <> 'purged' and cardinality(t.path) - root.level <= levels and (t.id = root.id or ${isReached})
   order by cardinality(t.path), t.name, t.id
   limit maximum;
end;

create function directory.reaches_descendants() returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  with ${reach}
  select exists (
    select from tenantry.tenants t cross join reach
     where t.id = (select tenancy.current_tenant()) and (reach.everything or t.path || t.id && reach.inheritable)
  );
end;

create function directory.descendants() returns setof uuid
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select t.id from tenantry.tenants t where t.path @> array[(select tenancy.current_tenant())];
end;

revoke all on function directory.list_tenants(uuid, integer, text, text, uuid, text, text), directory.children(uuid, integer),
  directory.subtree(integer, integer), directory.reaches_descendants(), directory.descendants() from public;
grant execute on function directory.list_tenants(uuid, integer, text, text, uuid, text, text) to tenantry_app;
grant execute on function directory.children(uuid, integer), directory.subtree(integer, integer),
  directory.descendants() to tenantry_app, tenantry_platform;
grant usage on schema directory to tenantry_hierarchy;
grant execute on function directory.reaches_descendants() to tenantry_hierarchy;
reset role;
`

const functions = /* sql */ `
set local role tenantry_hierarchy;

create function hierarchy.subtree_usage(first_day date, last_day date)
returns table (tenants bigint, people bigint, admins bigint, counted jsonb, standing jsonb)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  with subtree as materialized (
    select t.id from tenantry.tenants t
     where (t.id = (select tenancy.current_tenant()) or t.path @> array[(select tenancy.current_tenant())])
       and t.status <> 'purged'
  ),
  member_people as (
    select count(distinct m.user_id) as people,
           count(distinct m.user_id) filter (where m.role in ('owner', 'admin')) as admins
      from subtree s cross join lateral (
        select own.user_id, own.role from tenantry.memberships own where own.tenant_id = s.id offset 0) m
  ),
  -- Tenant by tenant, in one statement: of tables that hold all tenants, only what the subtree has is read. No figure that
  -- is answered may be larger than JSON can tell exactly.
  counted as (
    select own.meter, least(sum(own.used), 9007199254740991) as used
      from subtree s cross join lateral (
        select d.meter, sum(d.used) as used from tenantry.usage_daily d
         where d.tenant_id = s.id and d.day between first_day and last_day group by d.meter) own
     group by own.meter
  ),
  standing as (
    select own.meter, least(sum(own.used), 9007199254740991) as used
      from subtree s cross join lateral (
        select c.meter, sum(c.used) as used from tenantry.usage_counters c
         where c.tenant_id = s.id and c.period = 'total' group by c.meter) own
     group by own.meter
  )
  select (select count(*) from subtree), member_people.people, member_people.admins,
         (select coalesce(jsonb_object_agg(meter, used), '{}') from counted),
         (select coalesce(jsonb_object_agg(meter, used), '{}') from standing)
    from member_people
   where (select directory.reaches_descendants());
end;

-- One move at a time, and no new child meanwhile: two moves together could make a circle that neither makes alone.
create function hierarchy.move_tenant(new_parent uuid, maximum_levels integer, moved_at timestamptz)
returns table (outcome text, former_parent uuid, version integer, affected uuid[])
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  moved record;
  new_path uuid[] := '{}';
  height integer;
begin
  perform pg_advisory_xact_lock(hashtextextended('tenant hierarchy', 0));
  select t.id, t.path, t.parent_id, t.version into moved from tenantry.tenants t where t.id = tenancy.current_tenant()
    for no key update;
  if not found then
    raise insufficient_privilege using message = 'a move needs a signed tenant context';
  end if;
  if new_parent is not null then
    select t.path || t.id into new_path from tenantry.tenants t
     where t.id = new_parent and t.status = 'active'
       and not exists (select from tenantry.tenants above where above.id = any (t.path) and above.status <> 'active');
  end if;
  select max(cardinality(t.path)) - cardinality(moved.path) into height from tenantry.tenants t
   where t.id = moved.id or (t.path @> array[moved.id] and t.status <> 'purged');
  outcome := case
    when new_parent is not distinct from moved.parent_id then 'unmoved'
    when new_path is null then 'no_parent'
    when moved.id = any (new_path) then 'cycle'
    when cardinality(new_path) + height >= maximum_levels then 'too_deep'
    else 'moved' end;
  if outcome <> 'moved' then
    return query select move_tenant.outcome, moved.parent_id, moved.version, '{}'::uuid[];
    return;
  end if;
  return query
  with rewritten as (
    update tenantry.tenants t
       set path = new_path || t.path[cardinality(moved.path) + 1 :],
           parent_id = case when t.id = moved.id then new_parent else t.parent_id end,
           version = case when t.id = moved.id then t.version + 1 else t.version end,
           updated_at = case when t.id = moved.id then moved_at else t.updated_at end
     where t.id = moved.id or t.path @> array[moved.id]
    returning t.id, t.version
  )
  select 'moved', moved.parent_id, max(rewritten.version) filter (where rewritten.id = moved.id), array_agg(rewritten.id)
    from rewritten;
end $$;

create function hierarchy.inherited_settings()
returns table (tenant_id uuid, defaults jsonb, locks text[])
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select s.tenant_id, s.defaults, s.locks
    from tenantry.tenants t
    cross join lateral unnest(t.path) with ordinality as ancestor (id, place)
    join tenantry.settings_inheritance s on s.tenant_id = ancestor.id
   where t.id = (select tenancy.current_tenant())
   order by ancestor.place;
end;

revoke all on all functions in schema hierarchy from public;
grant usage on schema hierarchy to tenantry_app, tenantry_platform;
grant execute on function hierarchy.subtree_usage(date, date), hierarchy.inherited_settings() to tenantry_app, tenantry_platform;
grant execute on function hierarchy.move_tenant(uuid, integer, timestamptz) to tenantry_platform;
reset role;
`

/** Lists, trees, moves, sums over a subtree, and what ancestors set for the settings of those below them. */
export const hierarchySql = `${tables}${rights}${lookUps}${functions}`
