import { refusesPurged } from './20261121000015_purged.ts'

const ownTenant = 'tenant_id = (select tenancy.current_tenant())'

/** What the platform adds to a limit for a while. Limits are made of it as of plan and override. */
export const limitGrantsSql = /* sql */ `
create table tenantry.limit_grants (tenant_id uuid not null, id uuid not null, meter varchar(64) not null, amount bigint not null,
  reason varchar(500) not null, expires_at timestamptz null, created_at timestamptz not null, primary key (tenant_id, id));
alter table tenantry.limit_grants enable row level security;
alter table tenantry.limit_grants force row level security;
create policy tenant_isolation on tenantry.limit_grants to tenantry_app using (${ownTenant}) with check (${ownTenant});
create policy platform_tenant on tenantry.limit_grants to tenantry_platform using (${ownTenant}) with check (${ownTenant});
create policy platform_read on tenantry.limit_grants for select to tenantry_platform using ((select tenancy.current_operator()) is not null);
create policy tenant_purge on tenantry.limit_grants to tenantry_lifecycle using (${ownTenant}) with check (${ownTenant});
create policy metering_read on tenantry.limit_grants for select to tenantry_metering using (true);
alter table tenantry.limit_grants add constraint limit_grants_tenant_fk foreign key (tenant_id) references tenantry.tenants (id);
grant select on tenantry.limit_grants to tenantry_app;
grant select, insert, delete on tenantry.limit_grants to tenantry_platform;
grant select, delete on tenantry.limit_grants to tenantry_lifecycle;
grant select (tenant_id, meter, amount, expires_at) on tenantry.limit_grants to tenantry_metering;
${refusesPurged('limit_grants')}
create trigger note_change after insert or delete on tenantry.limit_grants for each row execute function metering.note_change();

set local role tenantry_metering;
create or replace function metering.limit_sources(signature text, tenants text)
returns table (tenant_id uuid, changes bigint, plan text, timezone text, former_timezones jsonb, created_at timestamptz, overrides jsonb)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform tenancy.require_signed(signature, tenants);
  return query
  select a.tenant_id, a.changes, t.plan::text, t.timezone::text, t.former_timezones, t.created_at,
         coalesce((select jsonb_agg(jsonb_build_object('kind', o.kind, 'meter', o.meter, 'value', o.value, 'expiresAt', o.expires_at))
                     from (select 'override' as kind, l.meter, l.value, l.expires_at from tenantry.limit_overrides l where l.tenant_id = a.tenant_id
                           union all
                           select 'grant', g.meter, g.amount, g.expires_at from tenantry.limit_grants g where g.tenant_id = a.tenant_id) o), '[]')
    from tenantry.usage_accounts a join tenantry.tenants t on t.id = a.tenant_id
   where a.tenant_id = any (tenants::uuid[]);
end $$;
reset role;
`
