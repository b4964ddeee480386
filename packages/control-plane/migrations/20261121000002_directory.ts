/** Look-ups that must answer before a tenant is known. Each has one purpose and sees one signed user's rows only. */
export const directorySql = /* sql */ `
set local role tenantry_directory;

create function directory.sign_in(new_id uuid, issuer text, subject text, email text, name text, at timestamptz) returns uuid
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  found_id uuid;
  said text;
begin
  -- Each part is hashed by itself, so that nothing said in one can stand for two.
  select string_agg(encode(sha256(convert_to(part, 'UTF8')), 'hex'), '' order by place) into said
    from unnest(array[sign_in.issuer, sign_in.subject, sign_in.email, sign_in.name]) with ordinality as parts (part, place);
  if split_part(tenancy.current_identity(), ':', 2) is distinct from encode(sha256(convert_to(said, 'UTF8')), 'hex') then
    raise insufficient_privilege using message = 'no signed identity context for this sign-in';
  end if;
  select u.id into found_id from tenantry.users u
   where u.issuer = sign_in.issuer and u.subject = sign_in.subject
     and u.email = sign_in.email and u.name is not distinct from coalesce(sign_in.name, u.name);
  if found then return found_id; end if;
  insert into tenantry.users (id, issuer, subject, email, name, created_at)
  values (new_id, sign_in.issuer, sign_in.subject, sign_in.email, sign_in.name, sign_in.at)
  on conflict on constraint users_issuer_subject_unique do update
    set email = excluded.email, name = coalesce(excluded.name, users.name),
        former_emails = case when lower(users.email) = lower(excluded.email) or lower(users.email) = any (users.former_emails) then users.former_emails
                             else users.former_emails || lower(users.email) end
  returning users.id into found_id;
  return found_id;
end $$;

create function directory.find_user(issuer text, subject text) returns uuid
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select u.id from tenantry.users u where u.issuer = find_user.issuer and u.subject = find_user.subject;
end;

create function directory.tenant_id_of(reference text) returns uuid
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select t.id from tenantry.tenants t
   where t.status <> 'purged' and (t.id = case when reference ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' then reference::uuid end
      or t.slug = reference or t.external_id = reference)
   order by case when t.slug = reference then 1 when t.external_id = reference then 2 else 0 end
   limit 1;
end;

create function directory.memberships()
returns table (tenant_id uuid, slug text, name text, status text, status_reason text, plan text, timezone text,
  former_timezones jsonb, created_at timestamptz, role text, inherited_from uuid)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select distinct on (t.id) t.id, t.slug::text, t.name::text, t.status::text, t.status_reason::text, t.plan::text,
         t.timezone::text, t.former_timezones, t.created_at, m.role::text, nullif(m.tenant_id, t.id)
    from tenantry.memberships m
    cross join lateral (
      select own.* from tenantry.tenants own where own.id = m.tenant_id
      union all
      select descendant.* from tenantry.tenants descendant where m.inheritable and descendant.path @> array[m.tenant_id]
    ) t
   where m.user_id = (select tenancy.current_user_id()) and t.status <> 'purged'
   order by t.id, array_position(array['owner', 'admin', 'member', 'viewer'], m.role::text), (m.tenant_id <> t.id);
end;

-- Two are enough to know that there is more than one.
create function directory.own_tenants() returns setof uuid
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select t.id from tenantry.memberships m join tenantry.tenants t on t.id = m.tenant_id
   where m.user_id = (select tenancy.current_user_id()) and t.status <> 'purged'
   limit 2;
end;

create function directory.find_access(reference text)
returns table (tenant_id uuid, slug text, name text, status text, status_reason text, plan text, timezone text,
  former_timezones jsonb, created_at timestamptz, role text, inherited_from uuid)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select t.id, t.slug::text, t.name::text, t.status::text, t.status_reason::text, t.plan::text,
         t.timezone::text, t.former_timezones, t.created_at, m.role::text, nullif(m.tenant_id, t.id)
    from tenantry.tenants t
    join tenantry.memberships m on m.tenant_id = t.id or (m.inheritable and m.tenant_id = any (t.path))
   where t.id = (select directory.tenant_id_of(find_access.reference))
     and m.user_id = (select tenancy.current_user_id()) and t.status <> 'purged'
   order by array_position(array['owner', 'admin', 'member', 'viewer'], m.role::text), (m.tenant_id <> t.id)
   limit 1;
end;

create function directory.child_count() returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select count(*) from tenantry.tenants t where t.parent_id = (select tenancy.current_tenant()) and t.status <> 'purged';
end;

revoke all on all functions in schema directory from public;
grant usage on schema directory to tenantry_app;
grant execute on function directory.sign_in(uuid, text, text, text, text, timestamptz), directory.find_user(text, text),
  directory.memberships(), directory.own_tenants(), directory.find_access(text) to tenantry_app;
grant usage on schema directory to tenantry_platform;
grant execute on function directory.child_count() to tenantry_app, tenantry_platform;
reset role;
`
