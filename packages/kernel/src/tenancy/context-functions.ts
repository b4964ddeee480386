/**
 * The functions that policies stand on. Every failure answers NULL, which no policy lets through. Expiry is compared
 * with the wall clock: `now()` stands still inside a transaction and would keep an expired token alive.
 */
export const contextFunctionsSql = /* sql */ `
create table tenancy.signing_keys (
  kid text primary key check (kid ~ '^[A-Za-z0-9_-]{1,32}$'),
  secret bytea not null check (octet_length(secret) >= 32),
  created_at timestamptz not null default now(),
  retires_at timestamptz
);
alter table tenancy.signing_keys enable row level security;
alter table tenancy.signing_keys force row level security;
create policy owner_only on tenancy.signing_keys to tenantry_owner using (true) with check (true);

create function tenancy.verify_context(purpose text, token text) returns text
language plpgsql stable parallel safe security definer set search_path = pg_catalog, pg_temp as $$
declare
  parts text[];
  key bytea;
  expiry bigint;
  wall bigint := floor(extract(epoch from clock_timestamp()));
begin
  if purpose is null or token is null or length(token) > 400 then return null; end if;
  parts := string_to_array(token, '.');
  if cardinality(parts) is distinct from 4 or array_position(parts, null) is not null then return null; end if;
  if parts[2] = '' or parts[3] !~ '^[0-9]{1,12}$' then return null; end if;
  expiry := parts[3]::bigint;
  if expiry <= wall or expiry > wall + 120 then return null; end if;
  select k.secret into key from tenancy.signing_keys k
   where k.kid = parts[1] and (k.retires_at is null or k.retires_at > clock_timestamp());
  if key is null then return null; end if;
  if encode(tenancy.hmac(convert_to(purpose || '|' || parts[1] || '|' || parts[2] || '|' || parts[3], 'UTF8'), key, 'sha256'), 'hex')
     is distinct from parts[4] then
    return null;
  end if;
  return parts[2];
end $$;
revoke all on function tenancy.verify_context(text, text) from public;

create function tenancy.current_tenant() returns uuid
language plpgsql stable parallel safe security definer set search_path = pg_catalog, pg_temp as $$
begin
  return tenancy.verify_context('tenant', current_setting('tenancy.tenant_context', true))::uuid;
exception when invalid_text_representation then
  return null;
end $$;

create function tenancy.current_user_id() returns uuid
language plpgsql stable parallel safe security definer set search_path = pg_catalog, pg_temp as $$
begin
  return tenancy.verify_context('user', current_setting('tenancy.user_context', true))::uuid;
exception when invalid_text_representation then
  return null;
end $$;

create function tenancy.current_identity() returns text
language sql stable parallel safe security definer set search_path = pg_catalog, pg_temp
return tenancy.verify_context('identity', current_setting('tenancy.user_context', true));

create function tenancy.current_operator() returns text
language sql stable parallel safe security definer set search_path = pg_catalog, pg_temp
return tenancy.verify_context('platform', current_setting('tenancy.platform_context', true));

-- For functions that work for several tenants at once: they take only what a process of ours has put together.
create function tenancy.require_signed(signature text, content text) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if content is null
     or tenancy.verify_context('batch', signature) is distinct from encode(sha256(convert_to(content, 'UTF8')), 'hex') then
    raise insufficient_privilege using message = 'what is written needs a signature of its own';
  end if;
end $$;

revoke all on function tenancy.current_tenant(), tenancy.current_user_id(), tenancy.current_identity(), tenancy.current_operator(), tenancy.require_signed(text, text) from public;
grant execute on function tenancy.current_tenant() to tenantry_app, tenantry_platform, tenantry_directory, tenantry_metering, tenantry_jobs;
grant execute on function tenancy.current_user_id(), tenancy.current_identity() to tenantry_app, tenantry_directory;
grant execute on function tenancy.current_operator() to tenantry_platform;
grant execute on function tenancy.require_signed(text, text) to tenantry_metering;
grant usage on schema tenancy to tenantry_app, tenantry_platform, tenantry_directory, tenantry_metering, tenantry_jobs;
`
