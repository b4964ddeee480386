import { declaredFunctions } from '@tenantry/kernel/tenancy/inspection/declared-sql'
import { featureOverridesSql } from './20261121000025_feature_overrides.ts'

const scheduledChange = /* sql */ `(
           select jsonb_build_object('plan', c.plan, 'effectiveAt', c.effective_at)
             from tenantry.scheduled_plan_changes c where c.tenant_id = t.id)`

/** What a caller may do in a tenant is found together with the plan that the tenant comes to have, and when. */
const lookUps = declaredFunctions([featureOverridesSql]).map(({ statement }) =>
  statement
    .replace('feature_overrides jsonb)', 'feature_overrides jsonb, scheduled_change jsonb)')
    .replace('where o.tenant_id = t.id)', `$&, ${scheduledChange}`),
)

export const plannedAccessSql = /* sql */ `
create policy directory_read on tenantry.scheduled_plan_changes for select to tenantry_directory using (true);
grant select (tenant_id, plan, effective_at) on tenantry.scheduled_plan_changes to tenantry_directory;

set local role tenantry_directory;
drop function directory.find_access(text);
drop function directory.memberships();
${lookUps.join(';\n')};
revoke all on function directory.find_access(text), directory.memberships() from public;
grant execute on function directory.find_access(text), directory.memberships() to tenantry_app;
reset role;
`
