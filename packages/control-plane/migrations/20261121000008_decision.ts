/** Why a tenant does not act may lie above it, where its own row-level security does not look. */
export const decisionSql = /* sql */ `
set local role tenantry_directory;

create function directory.ancestor_states() returns table (tenant_id uuid, status text)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select ancestor.id, ancestor.status::text
    from tenantry.tenants own
    join tenantry.tenants ancestor on ancestor.id = any (own.path)
   where own.id = (select tenancy.current_tenant())
   order by cardinality(ancestor.path);
end;

revoke all on function directory.ancestor_states() from public;
grant execute on function directory.ancestor_states() to tenantry_app, tenantry_platform;
reset role;
`
