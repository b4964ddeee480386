import { refusesPurged } from './20261121000015_purged.ts'

const ownTenant = 'tenant_id = (select tenancy.current_tenant())'

/** What tenants ask the platform for. Only operators decide. */
export const limitRequestsSql = /* sql */ `
create table tenantry.limit_requests (tenant_id uuid not null, id uuid not null, meter varchar(64) not null, value bigint null, reason varchar(500) not null,
  state text not null default 'open', decision_reason varchar(500) null, created_at timestamptz not null, decided_at timestamptz null, primary key (tenant_id, id));
create unique index limit_requests_open_unique on tenantry.limit_requests (tenant_id, meter) where state = 'open';
alter table tenantry.limit_requests add constraint limit_requests_state_check check (state in ('open', 'approved', 'declined'));
alter table tenantry.limit_requests enable row level security;
alter table tenantry.limit_requests force row level security;
create policy tenant_isolation on tenantry.limit_requests to tenantry_app using (${ownTenant}) with check (${ownTenant});
create policy platform_tenant on tenantry.limit_requests to tenantry_platform using (${ownTenant}) with check (${ownTenant});
create policy platform_read on tenantry.limit_requests for select to tenantry_platform using ((select tenancy.current_operator()) is not null);
create policy tenant_purge on tenantry.limit_requests to tenantry_lifecycle using (${ownTenant}) with check (${ownTenant});
alter table tenantry.limit_requests add constraint limit_requests_tenant_fk foreign key (tenant_id) references tenantry.tenants (id);
grant select, insert on tenantry.limit_requests to tenantry_app;
grant select, insert, update (state, decision_reason, decided_at) on tenantry.limit_requests to tenantry_platform;
grant select, delete on tenantry.limit_requests to tenantry_lifecycle;
${refusesPurged('limit_requests')}
`
