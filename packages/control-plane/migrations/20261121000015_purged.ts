const tables = [
  ...['api_keys', 'audit_entries', 'custom_roles', 'events', 'idempotency_records', 'invitations', 'limit_overrides'],
  ...['mails', 'memberships', 'onboardings', 'pending_owners', 'role_assignments', 'settings_inheritance'],
  ...['settings_revisions', 'team_members', 'teams', 'tenant_settings'],
]

/** What a tenant table owes the purge beside its policy and its grant. */
export const refusesPurged = (table: string) =>
  `create trigger refuse_purged before insert on tenantry.${table} for each statement execute function lifecycle.refuse_purged();`

/**
 * Nothing comes to a purged tenant. A foreign key alone would let in what waited for the end of the purge, for the tenant's
 * row stays. Once for each statement: every policy lets a statement write to the signed tenant alone, or to none.
 */
export const purgedSql = /* sql */ `
set local role tenantry_lifecycle;

create function lifecycle.refuse_purged() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  state text;
begin
  select t.status into state from tenantry.tenants t where t.id = (select tenancy.current_tenant()) for key share;
  if state = 'purged' then
    raise foreign_key_violation using message = 'a purged tenant takes no rows';
  end if;
  return null;
end $$;
revoke all on function lifecycle.refuse_purged() from public;
grant usage on schema lifecycle to tenantry_owner;
grant execute on function lifecycle.refuse_purged() to tenantry_owner;
reset role;

${tables.map(refusesPurged).join('\n')}
`
