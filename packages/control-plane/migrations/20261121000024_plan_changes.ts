import { refusesPurged } from './20261121000015_purged.ts'

const ownTenant = 'tenant_id = (select tenancy.current_tenant())'

/** What plan a tenant comes to have, and when. Limits are made of it from then on, whether or not the job has been there. */
export const planChangesSql = /* sql */ `
create table tenantry.scheduled_plan_changes (tenant_id uuid not null, plan varchar(64) not null, effective_at timestamptz not null,
  created_at timestamptz not null, primary key (tenant_id));
create index scheduled_plan_changes_effective_at_index on tenantry.scheduled_plan_changes (effective_at);
alter table tenantry.scheduled_plan_changes enable row level security;
alter table tenantry.scheduled_plan_changes force row level security;
create policy tenant_isolation on tenantry.scheduled_plan_changes to tenantry_app using (${ownTenant}) with check (${ownTenant});
create policy platform_tenant on tenantry.scheduled_plan_changes to tenantry_platform using (${ownTenant}) with check (${ownTenant});
create policy platform_read on tenantry.scheduled_plan_changes for select to tenantry_platform using ((select tenancy.current_operator()) is not null);
create policy tenant_purge on tenantry.scheduled_plan_changes to tenantry_lifecycle using (${ownTenant}) with check (${ownTenant});
create policy metering_read on tenantry.scheduled_plan_changes for select to tenantry_metering using (true);
alter table tenantry.scheduled_plan_changes add constraint scheduled_plan_changes_tenant_fk foreign key (tenant_id) references tenantry.tenants (id);
grant select on tenantry.scheduled_plan_changes to tenantry_app;
grant select, insert, delete on tenantry.scheduled_plan_changes to tenantry_platform;
grant select, delete on tenantry.scheduled_plan_changes to tenantry_lifecycle;
grant select (tenant_id, plan, effective_at) on tenantry.scheduled_plan_changes to tenantry_metering;
${refusesPurged('scheduled_plan_changes')}
create trigger note_change after insert or delete on tenantry.scheduled_plan_changes for each row execute function metering.note_change();

set local role tenantry_metering;
drop function metering.limit_sources(text, text);
create function metering.limit_sources(signature text, tenants text)
returns table (tenant_id uuid, changes bigint, plan text, scheduled_plan text, scheduled_at timestamptz, timezone text,
  former_timezones jsonb, created_at timestamptz, overrides jsonb)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
begin
  perform tenancy.require_signed(signature, tenants);
  return query
  select a.tenant_id, a.changes, t.plan::text, s.plan::text, s.effective_at, t.timezone::text, t.former_timezones, t.created_at,
         coalesce((select jsonb_agg(jsonb_build_object('kind', o.kind, 'meter', o.meter, 'value', o.value, 'expiresAt', o.expires_at))
                     from (select 'override' as kind, l.meter, l.value, l.expires_at from tenantry.limit_overrides l where l.tenant_id = a.tenant_id
                           union all
                           select 'grant', g.meter, g.amount, g.expires_at from tenantry.limit_grants g where g.tenant_id = a.tenant_id) o), '[]')
    -- Looked up one by one, as where usage is counted.
    from unnest(tenants::uuid[]) given (tenant_id)
    join lateral (select u.tenant_id, u.changes from tenantry.usage_accounts u where u.tenant_id = given.tenant_id limit 1) a on true
    join lateral (select n.plan, n.timezone, n.former_timezones, n.created_at from tenantry.tenants n where n.id = a.tenant_id limit 1) t on true
    left join lateral (select c.plan, c.effective_at from tenantry.scheduled_plan_changes c where c.tenant_id = a.tenant_id limit 1) s on true;
end $$;
revoke all on function metering.limit_sources(text, text) from public;
grant execute on function metering.limit_sources(text, text) to tenantry_app;
reset role;
`
