const tables = /* sql */ `
alter table tenantry.users
  add email_key text collate "C" generated always as (lower(email::text)) stored,
  add name_key text collate "C" generated always as (lower(name::text)) stored,
  add state text not null default 'active';
alter table tenantry.users add constraint users_state_check check (state in ('active', 'deactivated', 'erased'));
create index users_email_key_index on tenantry.users (email_key);
create index users_name_key_index on tenantry.users (name_key);
create index memberships_tenant_id_role_user_id_index on tenantry.memberships (tenant_id, role, user_id);
create index memberships_tenant_id_inheritable_user_id_index on tenantry.memberships (tenant_id, inheritable, user_id);

create policy tenant_members on tenantry.memberships for select to tenantry_directory
  using (tenant_id = any ((select own.path || own.id from tenantry.tenants own where own.id = (select tenancy.current_tenant()))::uuid[]));
create policy acquaintances on tenantry.memberships for select to tenantry_directory
  using ((select tenancy.current_tenant()) is not null and (select tenancy.current_user_id()) is not null);
create policy tenant_people on tenantry.users for select to tenantry_directory using ((select tenancy.current_tenant()) is not null);

create policy removal on tenantry.memberships for delete to tenantry_directory using (tenant_id = (select tenancy.current_tenant()));

grant insert, update (role, inheritable) on tenantry.memberships to tenantry_app, tenantry_platform;
grant delete on tenantry.memberships to tenantry_directory;
`

const strength = (role: string) => `array_position(array['owner', 'admin', 'member', 'viewer'], ${role}::text)`

const answer =
  /* sql */ 'user_id uuid, email text, name text, role text, direct_role text, joined_at timestamptz, inherited_from uuid'

/** Who reaches the signed tenant by an inheritable membership on an ancestor: the strongest one, the nearest of equals. */
const above = (only = '') => /* sql */ `above as materialized (
    select distinct on (m.user_id) m.user_id, m.role, m.joined_at, m.tenant_id
      from tenantry.tenants t
      cross join lateral unnest(t.path) with ordinality as ancestor (id, depth)
      join tenantry.memberships m on m.tenant_id = ancestor.id and m.inheritable ${only}
     where t.id = (select tenancy.current_tenant())
     order by m.user_id, ${strength('m.role')}, ancestor.depth desc
  )`

/** What is direct and what is inherited of one person, as one row: the stronger of both, the direct one of equals. */
const effective = /* sql */ `select p.user_id, u.email::text, u.name::text, p.role::text, p.direct_role::text, p.joined_at, p.inherited_from
    from page p join tenantry.users u on u.id = p.user_id`

/**
 * The text of a page is put together for what is asked, and planned with it: one text for all would read the whole tenant
 * to find its two owners. Where few people at all are called so, theirs are looked up; where many are, the first page of
 * members in their order is soon full.
 */
const listing = /* sql */ `
create function directory.list_members(after uuid, page_size integer, of_role text, beginning text)
returns table (${answer})
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  few constant integer := 1000;
  called uuid[];
  narrowed text := '';
  joined text := '';
begin
  if tenancy.current_tenant() is null then
    raise insufficient_privilege using message = 'no signed tenant context';
  end if;
  if beginning is not null then
    called := array(select u.id from tenantry.users u where u.email_key ^@ beginning or u.name_key ^@ beginning limit few + 1);
    if cardinality(called) <= few then
      narrowed := ' and m.user_id = any ($5)';
    else
      joined := ' join tenantry.users named on named.id = m.user_id and (named.email_key ^@ $4 or named.name_key ^@ $4)';
    end if;
  end if;
  if of_role is not null then narrowed := narrowed || ' and m.role = $3'; end if;
  if after is not null then narrowed := narrowed || ' and m.user_id < $1'; end if;
  return query execute
    'with ${above().replaceAll("'", "''")},
    direct as (
      select m.user_id, m.role, m.role as direct_role, m.joined_at, null::uuid as inherited_from
        from tenantry.memberships m' || joined || '
       where m.tenant_id = (select tenancy.current_tenant())' || narrowed || '
         and not exists (select from above a where a.user_id = m.user_id and ${strength('a.role').replaceAll("'", "''")} < ${strength('m.role').replaceAll("'", "''")})
       order by m.user_id desc limit $2
    ),
    inherited as (
      select m.user_id, m.role, own.role as direct_role, m.joined_at, m.tenant_id as inherited_from
        from above m' || joined || '
        left join tenantry.memberships own on own.tenant_id = (select tenancy.current_tenant()) and own.user_id = m.user_id
       where (own.role is null or ${strength('m.role').replaceAll("'", "''")} < ${strength('own.role').replaceAll("'", "''")})' || narrowed || '
       order by m.user_id desc limit $2
    ),
    page as (select * from direct union all select * from inherited order by user_id desc limit $2)
    ${effective} order by p.user_id desc'
    using after, page_size, of_role, beginning, called;
end $$;

create function directory.find_members(wanted uuid[])
returns table (${answer})
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  with ${above('and m.user_id = any (wanted)')},
  page as (
    select coalesce(own.user_id, a.user_id) as user_id, own.role as direct_role,
           case when ${strength('a.role')} < coalesce(${strength('own.role')}, 9) then a.role else own.role end as role,
           case when ${strength('a.role')} < coalesce(${strength('own.role')}, 9) then a.joined_at else own.joined_at end as joined_at,
           case when ${strength('a.role')} < coalesce(${strength('own.role')}, 9) then a.tenant_id end as inherited_from
      from (select m.user_id, m.role, m.joined_at from tenantry.memberships m
             where m.tenant_id = (select tenancy.current_tenant()) and m.user_id = any (wanted)) own
      full join above a on a.user_id = own.user_id
  )
  ${effective};
end;

-- What people hold in the signed tenant, by memberships and custom roles there and inheritable ones above.
create function directory.find_holdings(people uuid[])
returns table (user_id uuid, direct_role text, role text, inherited_from uuid, inheritable boolean, custom_roles jsonb, is_active boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select person.id, (select m.role::text from tenantry.memberships m where m.tenant_id = own.id and m.user_id = person.id), base.role, nullif(base.tenant_id, own.id), coalesce(base.inheritable, false), custom.roles,
         exists (select from tenantry.users u where u.id = person.id and u.state = 'active')
    from tenantry.tenants own
    cross join lateral (select own.path || own.id as ids) places
    cross join (select distinct wanted.id from unnest(people) as wanted (id)) person
    left join lateral (
      select m.role::text as role, m.tenant_id, m.inheritable
        from tenantry.memberships m
       where m.tenant_id = any (places.ids) and m.user_id = person.id and (m.tenant_id = own.id or m.inheritable)
       order by ${strength('m.role')}, m.tenant_id <> own.id
       limit 1) base on true
    cross join lateral (
      select coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'name', r.name, 'tenantId', r.tenant_id, 'baseRole', r.base_role,
               'scopes', r.scopes, 'inheritable', r.inheritable) order by r.id), '[]') as roles
        from tenantry.role_assignments a join tenantry.custom_roles r on r.tenant_id = a.tenant_id and r.id = a.role_id
       where a.tenant_id = any (places.ids) and a.user_id = person.id and (a.tenant_id = own.id or r.inheritable)) custom
   where own.id = (select tenancy.current_tenant()) and (base.role is not null or custom.roles <> '[]');
end;

-- Of people by that address or id one is told who shares a tenant with the caller, or reaches this one; operators know all.
create function directory.find_acquaintances(address text, person uuid)
returns table (user_id uuid, is_active boolean, is_member boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select u.id, u.state = 'active',
         exists (select from tenantry.memberships own where own.tenant_id = (select tenancy.current_tenant()) and own.user_id = u.id)
    from tenantry.users u
   where (u.email_key = address or u.id = person) and u.state <> 'erased' and (select tenancy.current_tenant()) is not null
     and (session_user = 'tenantry_platform'
       or exists (select from tenantry.memberships own join tenantry.memberships theirs on theirs.tenant_id = own.tenant_id
                   where own.user_id = (select tenancy.current_user_id()) and theirs.user_id = u.id)
       or exists (select from tenantry.tenants t join tenantry.memberships m on m.tenant_id = t.id or m.inheritable and m.tenant_id = any (t.path)
                   where t.id = (select tenancy.current_tenant()) and m.user_id = u.id))
   limit 2;
end;

-- By a function: whoever may delete rows may lock the whole table.
create function directory.remove_member(former uuid) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
begin atomic
  delete from tenantry.memberships m where m.tenant_id = (select tenancy.current_tenant()) and m.user_id = former;
end;

-- Under an identity only: a tenant's own transaction may read of people, and learns by this function of none.
create or replace function directory.find_user(issuer text, subject text) returns uuid
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select u.id from tenantry.users u
   where u.issuer = find_user.issuer and u.subject = find_user.subject and (select tenancy.current_identity()) is not null;
end;

revoke all on function directory.list_members(uuid, integer, text, text), directory.find_members(uuid[]),
  directory.find_holdings(uuid[]), directory.find_acquaintances(text, uuid), directory.remove_member(uuid) from public;
grant execute on function directory.list_members(uuid, integer, text, text), directory.find_members(uuid[]),
  directory.find_holdings(uuid[]), directory.find_acquaintances(text, uuid), directory.remove_member(uuid) to tenantry_app, tenantry_platform;
`

/** Members are written by the application, and looked up with their names and addresses by functions of one purpose each. */
export const membersSql = `${tables}
set local role tenantry_directory;
${listing}
reset role;
`
