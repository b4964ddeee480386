import { declaredFunctions } from '@tenantry/kernel/tenancy/inspection/declared-sql'
import { hierarchySql } from './20261121000007_hierarchy.ts'
import { isolationSql } from './20261121000009_isolation.ts'

const ownTenant = 'tenant_id = (select tenancy.current_tenant())'
const inSubtree = /* sql */ `tenant_id in (select t.id from tenantry.tenants t
    where t.id = (select tenancy.current_tenant()) or t.path @> array[(select tenancy.current_tenant())])`

const hereAndAbove = /* sql */ `tenant_id = any ((select own.path || own.id from tenantry.tenants own
    where own.id = (select tenancy.current_tenant()))::uuid[])`

const protection = (table: string) => /* sql */ `
alter table tenantry.${table} enable row level security;
alter table tenantry.${table} force row level security;
create policy tenant_isolation on tenantry.${table} to tenantry_app using (${ownTenant}) with check (${ownTenant});
create policy platform_tenant on tenantry.${table} to tenantry_platform using (${ownTenant}) with check (${ownTenant});
create policy platform_read on tenantry.${table} for select to tenantry_platform using ((select tenancy.current_operator()) is not null);
create policy tenant_purge on tenantry.${table} to tenantry_lifecycle using (${ownTenant}) with check (${ownTenant});
alter table tenantry.${table} add constraint ${table}_tenant_fk foreign key (tenant_id) references tenantry.tenants (id);
grant select, delete on tenantry.${table} to tenantry_lifecycle;
grant select on tenantry.${table} to tenantry_directory;
`

const tables = /* sql */ `
create table tenantry.custom_roles (tenant_id uuid not null, id uuid not null, name varchar(100) not null, description varchar(500) null,
  base_role text null, scopes text[] not null, inheritable boolean not null default false, version int not null default 1,
  created_at timestamptz not null, updated_at timestamptz not null,
  name_key text collate "C" generated always as (lower(name::text)) stored, primary key (tenant_id, id));
alter table tenantry.custom_roles add constraint custom_roles_tenant_id_name_key_unique unique (tenant_id, name_key);
alter table tenantry.custom_roles add constraint custom_roles_base_role_check check (base_role in ('admin', 'member', 'viewer'));
alter table tenantry.custom_roles add constraint custom_roles_ownership_check check ('tenant:own' <> all (scopes));

create table tenantry.role_assignments (tenant_id uuid not null, user_id uuid not null, role_id uuid not null,
  assigned_at timestamptz not null, primary key (tenant_id, user_id, role_id));
create index role_assignments_user_id_index on tenantry.role_assignments (user_id);
create index role_assignments_tenant_id_role_id_index on tenantry.role_assignments (tenant_id, role_id);
${protection('custom_roles')}${protection('role_assignments')}
alter table tenantry.role_assignments add constraint role_assignments_member_fk foreign key (tenant_id, user_id)
  references tenantry.memberships (tenant_id, user_id) on delete cascade;
alter table tenantry.role_assignments add constraint role_assignments_role_fk foreign key (tenant_id, role_id)
  references tenantry.custom_roles (tenant_id, id);
create policy own_assignment on tenantry.role_assignments for select to tenantry_directory
  using (user_id = (select tenancy.current_user_id()));
create policy own_roles on tenantry.custom_roles for select to tenantry_directory
  using (id in (select a.role_id from tenantry.role_assignments a
    where a.user_id = (select tenancy.current_user_id())));
create policy hierarchy_read on tenantry.custom_roles for select to tenantry_hierarchy using (${inSubtree});
create policy roles_here_and_above on tenantry.custom_roles for select to tenantry_directory using (${hereAndAbove});
create policy assignments_here_and_above on tenantry.role_assignments for select to tenantry_directory using (${hereAndAbove});
grant select, insert, update (name, description, base_role, scopes, inheritable, version, updated_at) on tenantry.custom_roles
  to tenantry_app, tenantry_platform;
grant select, insert on tenantry.role_assignments to tenantry_app, tenantry_platform;
grant select on tenantry.custom_roles to tenantry_hierarchy;
`

/** The custom roles that the signed user holds in the tenant \`t\`, by an assignment there or an inheritable one above. */
const customRoles = /* sql */ `(
      select coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'name', r.name, 'tenantId', r.tenant_id, 'baseRole', r.base_role,
               'scopes', r.scopes, 'inheritable', r.inheritable) order by cardinality(t.path) - array_position(t.path, r.tenant_id), r.id), '[]')
        from tenantry.role_assignments a join tenantry.custom_roles r on r.tenant_id = a.tenant_id and r.id = a.role_id
       where a.user_id = (select tenancy.current_user_id())
         and (a.tenant_id = t.id or (r.inheritable and a.tenant_id = any (t.path))))`

/** What reaches tenants for the signed user: memberships, and custom roles that reach those below without being one. */
const reaching = /* sql */ `(
      select own.tenant_id, own.user_id, own.role::text as role, own.inheritable from tenantry.memberships own
       where own.user_id = (select tenancy.current_user_id())
      union all
      select a.tenant_id, a.user_id, null, true
        from tenantry.role_assignments a join tenantry.custom_roles r on r.tenant_id = a.tenant_id and r.id = a.role_id
       where a.user_id = (select tenancy.current_user_id()) and r.inheritable) m`

const bestRole = `array_position(array['owner', 'admin', 'member', 'viewer'], m.role::text)`

/** The highest tenant above that is not active. */
const inactiveAncestor = /* sql */ `(select jsonb_build_object('id', above.id, 'status', above.status) from tenantry.tenants above
           where above.id = any (t.path) and above.status <> 'active' order by cardinality(above.path) limit 1)`

const lookUps = /* sql */ `
drop function directory.find_access(text);
create function directory.find_access(reference text)
returns table (tenant_id uuid, slug text, name text, status text, status_reason text, status_until timestamptz, plan text, timezone text,
  former_timezones jsonb, created_at timestamptz, role text, inherited_from uuid, inheritable boolean, custom_roles jsonb,
  path uuid[], inactive_ancestor jsonb)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select t.id, t.slug::text, t.name::text, t.status::text, t.status_reason::text, t.status_until, t.plan::text,
         t.timezone::text, t.former_timezones, t.created_at, base.role, nullif(base.tenant_id, t.id),
         coalesce(base.inheritable, false), custom.roles, t.path,
         ${inactiveAncestor}
    from tenantry.tenants t
    left join lateral (
      select m.role::text as role, m.tenant_id, m.inheritable from tenantry.memberships m
       where m.user_id = (select tenancy.current_user_id())
         and (m.tenant_id = t.id or (m.inheritable and m.tenant_id = any (t.path)))
       order by ${bestRole}, (m.tenant_id <> t.id)
       limit 1) base on true
    cross join lateral (select ${customRoles} as roles) custom
   where t.id = (select directory.tenant_id_of(find_access.reference)) and t.status <> 'purged'
     and (base.role is not null or custom.roles <> '[]');
end;

drop function directory.memberships();
create function directory.memberships()
returns table (tenant_id uuid, slug text, name text, status text, status_reason text, status_until timestamptz, plan text,
  timezone text, former_timezones jsonb, created_at timestamptz, role text, inherited_from uuid, inheritable boolean,
  custom_roles jsonb, inactive_ancestor jsonb)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  with reached as (
    select distinct on (place.id) place.id, m.role, nullif(m.tenant_id, place.id) as inherited_from,
           m.role is not null and m.inheritable as inheritable
      from ${reaching}
      cross join lateral (
        select own.id from tenantry.tenants own where own.id = m.tenant_id
        union all
        select descendant.id from tenantry.tenants descendant where m.inheritable and descendant.path @> array[m.tenant_id]
      ) place
     order by place.id, ${bestRole}, (m.tenant_id <> place.id)
  )
  select t.id, t.slug::text, t.name::text, t.status::text, t.status_reason::text, t.status_until,
         t.plan::text, t.timezone::text,
         t.former_timezones, t.created_at, reached.role, reached.inherited_from, reached.inheritable, ${customRoles},
         ${inactiveAncestor}
    from reached join tenantry.tenants t on t.id = reached.id
   where t.status <> 'purged';
end;
revoke all on function directory.find_access(text), directory.memberships() from public;
grant execute on function directory.find_access(text), directory.memberships() to tenantry_app;
`

/** Lists of tenants, reached by custom roles too. Sums over a subtree stay with memberships: all of those hold usage:read. */
const lists = declaredFunctions([hierarchySql, isolationSql])
  .filter(({ name }) => ['list_tenants', 'children', 'subtree'].includes(name))
  .map(({ statement }) =>
    statement
      .replace(/^create (or replace )?function/, 'create or replace function')
      .replace('from tenantry.memberships m', `from ${reaching}`),
  )

/** Whoever may delete rows of a table may also lock it, against all other tenants: deleting goes through these. */
const removal = /* sql */ `
create function lifecycle.remove_role(role_id uuid) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
begin atomic
  delete from tenantry.custom_roles r where r.tenant_id = (select tenancy.current_tenant()) and r.id = remove_role.role_id;
end;

-- Those of one member, of one role, or of both together.
create function lifecycle.remove_assignments(of_user uuid, of_role uuid) returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp
begin atomic
  with removed as (
    delete from tenantry.role_assignments a
     where a.tenant_id = (select tenancy.current_tenant()) and coalesce(of_user, of_role) is not null
       and (of_user is null or a.user_id = of_user) and (of_role is null or a.role_id = of_role)
    returning a.user_id
  )
  select count(*) from removed;
end;

revoke all on function lifecycle.remove_role(uuid), lifecycle.remove_assignments(uuid, uuid) from public;
grant usage on schema lifecycle to tenantry_app;
grant execute on function lifecycle.remove_role(uuid), lifecycle.remove_assignments(uuid, uuid) to tenantry_app, tenantry_platform;
`

/** Custom roles, who holds them, and look-ups that bring them along. */
export const rolesSql = /* sql */ `${tables}
set local role tenantry_directory;
${lookUps}
${lists.join(';\n')};
reset role;

set local role tenantry_lifecycle;
${removal}
reset role;
`
