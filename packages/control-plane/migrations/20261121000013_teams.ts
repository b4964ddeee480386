import { declaredFunctions } from '@tenantry/kernel/tenancy/inspection/declared-sql'
import { hierarchySql } from './20261121000007_hierarchy.ts'

const ownTenant = 'tenant_id = (select tenancy.current_tenant())'

const protection = (table: string) => /* sql */ `
alter table tenantry.${table} enable row level security;
alter table tenantry.${table} force row level security;
create policy tenant_isolation on tenantry.${table} to tenantry_app using (${ownTenant}) with check (${ownTenant});
create policy platform_tenant on tenantry.${table} to tenantry_platform using (${ownTenant}) with check (${ownTenant});
create policy platform_read on tenantry.${table} for select to tenantry_platform using ((select tenancy.current_operator()) is not null);
create policy tenant_purge on tenantry.${table} to tenantry_lifecycle using (${ownTenant}) with check (${ownTenant});
alter table tenantry.${table} add constraint ${table}_tenant_fk foreign key (tenant_id) references tenantry.tenants (id);
grant select, delete on tenantry.${table} to tenantry_lifecycle;
`

/** What meters count of our own rows over a subtree, by \`countedFrom\`. */
const counted = [
  ['roles', 'custom_roles'],
  ['teams', 'teams'],
].map(
  ([name, table]) =>
    `'${name}', (select coalesce(sum(own.count), 0) from subtree s cross join lateral (
           select count(*) from tenantry.${table} r where r.tenant_id = s.id offset 0) own)`,
)

const subtreeUsage = declaredFunctions([hierarchySql])
  .filter(({ name }) => name === 'subtree_usage')
  .map(({ statement }) =>
    statement
      .replace('standing jsonb)', 'standing jsonb, owned jsonb)')
      .replace('from standing)', `from standing),\n         jsonb_build_object(${counted.join(',\n           ')})`),
  )

/** Teams, who is in them, and how many a tenant and those below it have. */
export const teamsSql = /* sql */ `
create table tenantry.teams (tenant_id uuid not null, id uuid not null, name varchar(100) not null,
  name_key text collate "C" generated always as (lower(name::text)) stored, version int not null default 1,
  created_at timestamptz not null, updated_at timestamptz not null, primary key (tenant_id, id));
alter table tenantry.teams add constraint teams_tenant_id_name_key_unique unique (tenant_id, name_key);

create table tenantry.team_members (tenant_id uuid not null, team_id uuid not null, user_id uuid not null,
  added_at timestamptz not null, primary key (tenant_id, team_id, user_id));
create index team_members_tenant_id_user_id_index on tenantry.team_members (tenant_id, user_id);
${protection('teams')}${protection('team_members')}
create policy hierarchy_read on tenantry.teams for select to tenantry_hierarchy using (tenant_id in (select t.id from tenantry.tenants t
    where t.id = (select tenancy.current_tenant()) or t.path @> array[(select tenancy.current_tenant())]));
alter table tenantry.team_members add constraint team_members_team_fk foreign key (tenant_id, team_id)
  references tenantry.teams (tenant_id, id) on delete cascade;
alter table tenantry.team_members add constraint team_members_member_fk foreign key (tenant_id, user_id)
  references tenantry.memberships (tenant_id, user_id) on delete cascade;
grant select, insert, update (name, version, updated_at) on tenantry.teams to tenantry_app, tenantry_platform;
grant select, insert on tenantry.team_members to tenantry_app, tenantry_platform;
grant select on tenantry.teams to tenantry_hierarchy;

set local role tenantry_lifecycle;

-- By functions: whoever may delete rows may lock the whole table.
create function lifecycle.remove_team(team_id uuid) returns boolean
language sql volatile security definer set search_path = pg_catalog, pg_temp
begin atomic
  with removed as (
    delete from tenantry.teams t where t.tenant_id = (select tenancy.current_tenant()) and t.id = remove_team.team_id returning 1
  )
  select exists (select from removed);
end;

create function lifecycle.remove_team_member(team_id uuid, user_id uuid) returns boolean
language sql volatile security definer set search_path = pg_catalog, pg_temp
begin atomic
  with removed as (
    delete from tenantry.team_members m
     where m.tenant_id = (select tenancy.current_tenant()) and m.team_id = remove_team_member.team_id
       and m.user_id = remove_team_member.user_id
    returning 1
  )
  select exists (select from removed);
end;

revoke all on function lifecycle.remove_team(uuid), lifecycle.remove_team_member(uuid, uuid) from public;
grant execute on function lifecycle.remove_team(uuid), lifecycle.remove_team_member(uuid, uuid) to tenantry_app, tenantry_platform;
reset role;

set local role tenantry_hierarchy;
drop function hierarchy.subtree_usage(date, date);
${subtreeUsage.join(';\n')};
revoke all on function hierarchy.subtree_usage(date, date) from public;
grant execute on function hierarchy.subtree_usage(date, date) to tenantry_app, tenantry_platform;
reset role;
`
