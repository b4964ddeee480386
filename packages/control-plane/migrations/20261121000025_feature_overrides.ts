import { declaredFunctions } from '@tenantry/kernel/tenancy/inspection/declared-sql'
import { rolesSql } from './20261121000010_roles.ts'
import { usersSql } from './20261121000014_users.ts'
import { refusesPurged } from './20261121000015_purged.ts'

const ownTenant = 'tenant_id = (select tenancy.current_tenant())'

const table = /* sql */ `
create table tenantry.feature_overrides (tenant_id uuid not null, feature varchar(64) not null, granted boolean not null,
  reason varchar(500) not null, expires_at timestamptz null, created_at timestamptz not null, primary key (tenant_id, feature));
alter table tenantry.feature_overrides enable row level security;
alter table tenantry.feature_overrides force row level security;
create policy tenant_isolation on tenantry.feature_overrides to tenantry_app using (${ownTenant}) with check (${ownTenant});
create policy platform_tenant on tenantry.feature_overrides to tenantry_platform using (${ownTenant}) with check (${ownTenant});
create policy platform_read on tenantry.feature_overrides for select to tenantry_platform using ((select tenancy.current_operator()) is not null);
create policy tenant_purge on tenantry.feature_overrides to tenantry_lifecycle using (${ownTenant}) with check (${ownTenant});
create policy directory_read on tenantry.feature_overrides for select to tenantry_directory using (true);
alter table tenantry.feature_overrides add constraint feature_overrides_tenant_fk foreign key (tenant_id) references tenantry.tenants (id);
grant select on tenantry.feature_overrides to tenantry_app;
grant select, insert, delete on tenantry.feature_overrides to tenantry_platform;
grant select, delete on tenantry.feature_overrides to tenantry_lifecycle;
grant select (tenant_id, feature, granted, expires_at) on tenantry.feature_overrides to tenantry_directory;
${refusesPurged('feature_overrides')}
`

const overrides = /* sql */ `(
           select coalesce(jsonb_agg(jsonb_build_object('feature', o.feature, 'granted', o.granted, 'expiresAt', o.expires_at)), '[]')
             from tenantry.feature_overrides o where o.tenant_id = t.id)`

/** What a caller may do in a tenant is found together with the features that it has for itself. */
const lookUps = declaredFunctions([rolesSql, usersSql])
  .filter(({ name }) => ['find_access', 'memberships'].includes(name))
  .map(({ statement }) =>
    statement
      .replace(/^create or replace function/, 'create function')
      .replace('inactive_ancestor jsonb)', 'inactive_ancestor jsonb, feature_overrides jsonb)')
      .replace('order by cardinality(above.path) limit 1)', `$&, ${overrides}`),
  )

export const featureOverridesSql = /* sql */ `${table}
set local role tenantry_directory;
drop function directory.find_access(text);
drop function directory.memberships();
${lookUps.join(';\n')};
revoke all on function directory.find_access(text), directory.memberships() from public;
grant execute on function directory.find_access(text), directory.memberships() to tenantry_app;
reset role;
`
