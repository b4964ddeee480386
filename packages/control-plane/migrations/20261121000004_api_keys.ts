/**
 * The table of API keys, as the entity `ApiKey` declares it. No serving role can read a digest: a key is found only by
 * who holds it, under a signed context that names the digest, through `directory.find_api_key`.
 */
export const apiKeysSql = /* sql */ `
create table "tenantry"."api_keys" ("tenant_id" uuid not null, "id" uuid not null, "name" varchar(100) not null, "scopes" text[] not null, "digest" varchar(64) null, "former_digest" varchar(64) null, "former_ends_at" timestamptz null, "ip_allowlist" text[] not null default '{}', "expires_at" timestamptz null, "created_by_type" varchar(20) not null, "created_by_id" varchar(200) not null, "created_at" timestamptz not null, "rotated_at" timestamptz null, "last_used_at" timestamptz null, "revoked_at" timestamptz null, primary key ("tenant_id", "id"));
create index "api_keys_id_index" on "tenantry"."api_keys" ("id");
alter table "tenantry"."api_keys" enable row level security;
alter table "tenantry"."api_keys" force row level security;
create policy "tenant_isolation" on "tenantry"."api_keys" to "tenantry_app" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_tenant" on "tenantry"."api_keys" to "tenantry_platform" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_read" on "tenantry"."api_keys" for select to "tenantry_platform" using ((select tenancy.current_operator()) is not null);
create policy "signed_key" on "tenantry"."api_keys" for select to "tenantry_directory" using (revoked_at is null and (select tenancy.current_identity()) = any (array['api-key:' || id || ':' || digest, 'api-key:' || id || ':' || former_digest]));
create policy "revoked" on "tenantry"."api_keys" to "tenantry_jobs" using (revoked_at < (now() - '01:00:00'::interval));
create policy "last_use" on "tenantry"."api_keys" to "tenantry_directory" using ((select tenancy.current_operator()) is not null) with check ((select tenancy.current_operator()) is not null);

alter table "tenantry"."api_keys" add constraint "api_keys_former_check" check (former_digest is null or former_ends_at is not null);
alter table tenantry.api_keys add constraint api_keys_tenant_fk foreign key (tenant_id) references tenantry.tenants (id);
grant select (tenant_id, id, name, scopes, former_ends_at, ip_allowlist, expires_at, created_by_type, created_by_id, created_at, rotated_at, last_used_at, revoked_at) on tenantry.api_keys to tenantry_app, tenantry_platform;
grant insert, update (digest, former_ends_at, rotated_at, revoked_at) on tenantry.api_keys to tenantry_app, tenantry_platform;
grant select, delete on tenantry.api_keys to tenantry_jobs;
grant select, update (last_used_at) on tenantry.api_keys to tenantry_directory;
grant execute on function tenancy.current_operator() to tenantry_directory;

-- Whoever rotates a key can write a digest and read none.
create function tenancy.keep_former_digest() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  new.former_digest := case when new.digest is null or new.former_ends_at is null then null else old.digest end;
  return new;
end $$;
revoke all on function tenancy.keep_former_digest() from public;
create trigger keep_former_digest before update of digest on tenantry.api_keys
  for each row execute function tenancy.keep_former_digest();

set local role tenantry_directory;

create function directory.find_api_key()
returns table (tenant_id uuid, slug text, external_id text, id uuid, scopes text[], ip_allowlist text[], valid_until timestamptz,
  created_by_type text, created_by_id text)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select t.id, t.slug::text, t.external_id::text, k.id, k.scopes, k.ip_allowlist,
         case when k.digest = signed.parts[3] then k.expires_at else least(k.expires_at, k.former_ends_at) end,
         k.created_by_type::text, k.created_by_id::text
    from (select string_to_array((select tenancy.current_identity()), ':') as parts) signed
    join tenantry.api_keys k on k.id = case when signed.parts[1] = 'api-key' then signed.parts[2]::uuid end
    join tenantry.tenants t on t.id = k.tenant_id
   where k.revoked_at is null
     and (signed.parts[3] = k.digest or (signed.parts[3] = k.former_digest and k.former_ends_at is not null));
end;

-- One statement for the keys of all tenants; in one order, and past rows that another process writes just now.
create function directory.touch_api_keys(uses jsonb) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
begin atomic
  with used as (
    select k.tenant_id, k.id, u.at
      from jsonb_to_recordset(touch_api_keys.uses) as u (id uuid, at timestamptz)
      join tenantry.api_keys k on k.id = u.id
     where k.last_used_at is null or k.last_used_at <= u.at - interval '1 minute'
     order by k.tenant_id, k.id
       for no key update of k skip locked
  )
  update tenantry.api_keys k set last_used_at = used.at from used where k.tenant_id = used.tenant_id and k.id = used.id;
end;

revoke all on function directory.find_api_key(), directory.touch_api_keys(jsonb) from public;
grant execute on function directory.find_api_key() to tenantry_app;
grant execute on function directory.touch_api_keys(jsonb) to tenantry_platform;
reset role;
`
