const purgeable = (table: string) => /* sql */ `
create policy tenant_purge on tenantry.${table} to tenantry_lifecycle
  using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
grant select, delete on tenantry.${table} to tenantry_lifecycle;
`

const metered = (table: string) => /* sql */ `
alter table tenantry.${table} enable row level security;
alter table tenantry.${table} force row level security;
create policy tenant_isolation on tenantry.${table} to tenantry_app
  using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy platform_tenant on tenantry.${table} to tenantry_platform
  using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy platform_read on tenantry.${table} for select to tenantry_platform using ((select tenancy.current_operator()) is not null);
create policy metering on tenantry.${table} to tenantry_metering using (true) with check (true);
grant select on tenantry.${table} to tenantry_app, tenantry_platform;
grant select, insert, update on tenantry.${table} to tenantry_metering;
${purgeable(table)}`

const tables = /* sql */ `
create table tenantry.usage_accounts (tenant_id uuid not null, changes bigint not null, resolved_changes bigint not null,
  catalogue_revision int not null, next_change_at timestamptz null, primary key (tenant_id));
${metered('usage_accounts')}
-- For all that the engine writes: it holds this row while it does, and checks no other.
alter table tenantry.usage_accounts add constraint usage_accounts_tenant_fk foreign key (tenant_id) references tenantry.tenants (id);

create table tenantry.effective_limits (tenant_id uuid not null, meter varchar(64) not null, included bigint null, grace bigint not null,
  grace_days int not null, alert_percents int[] not null, source varchar(20) not null, counted_from varchar(20) null, version int not null, primary key (tenant_id, meter));
${metered('effective_limits')}

create table tenantry.usage_alerts (tenant_id uuid not null, meter varchar(64) not null, period varchar(32) not null, limit_version int not null,
  percent int not null, used bigint not null, included bigint not null, hard_limit bigint not null, raised_at timestamptz not null,
  announced_at timestamptz null, primary key (tenant_id, meter, period, limit_version, percent));
create index usage_alerts_raised_at_index on tenantry.usage_alerts (raised_at) where announced_at is null;
${metered('usage_alerts')}

create table tenantry.usage_reservations (tenant_id uuid not null, id uuid not null, idempotency_key varchar(255) null, meter varchar(64) not null,
  period varchar(32) not null, span varchar(32) not null, period_ends_at timestamptz null, day date not null, amount bigint not null, state varchar(20) not null,
  committed bigint null, reserved_at timestamptz not null, expires_at timestamptz not null, settled_at timestamptz null, properties jsonb null, primary key (tenant_id, id));
create unique index usage_reservations_idempotency_key_unique on tenantry.usage_reservations (tenant_id, idempotency_key) where idempotency_key is not null;
create index usage_reservations_held_index on tenantry.usage_reservations (tenant_id, meter, period, expires_at) where state = 'held';
create index usage_reservations_reserved_at_index on tenantry.usage_reservations (reserved_at);
${metered('usage_reservations')}
create policy expired on tenantry.usage_reservations to tenantry_jobs using (reserved_at < (now() - '32 days'::interval));
grant select, delete on tenantry.usage_reservations to tenantry_jobs;

create table tenantry.catalogue_revisions (revision int not null, digest varchar(64) not null, entered_at timestamptz not null, primary key (revision));
alter table tenantry.catalogue_revisions enable row level security;
alter table tenantry.catalogue_revisions force row level security;
create policy platform_read on tenantry.catalogue_revisions for select to tenantry_platform using ((select tenancy.current_operator()) is not null);
create policy metering on tenantry.catalogue_revisions to tenantry_metering using (true) with check (true);
grant select on tenantry.catalogue_revisions to tenantry_platform;
grant select, insert on tenantry.catalogue_revisions to tenantry_metering;

create policy metering_read on tenantry.tenants for select to tenantry_metering using (true);
create policy metering_read on tenantry.limit_overrides for select to tenantry_metering using (true);
grant select (id, plan, timezone, former_timezones, created_at) on tenantry.tenants to tenantry_metering;
grant select (tenant_id, meter, value, expires_at) on tenantry.limit_overrides to tenantry_metering;

-- What meters count of our own rows.
create policy metering_read on tenantry.memberships for select to tenantry_metering using (true);
create policy metering_read on tenantry.teams for select to tenantry_metering using (true);
create policy metering_read on tenantry.custom_roles for select to tenantry_metering using (true);
grant select (tenant_id, role) on tenantry.memberships to tenantry_metering;
grant select (tenant_id) on tenantry.teams, tenantry.custom_roles to tenantry_metering;
`

/**
 * A row of usage_accounts stands for a tenant in the engine: whoever writes the tenant's usage holds it. What limits are
 * made of notes its change there, in its own transaction; limits that were made before are then looked at by nobody.
 */
const accounts = /* sql */ `
set local role tenantry_metering;

create function metering.note_change() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  changed uuid;
begin
  if tg_table_name = 'tenants' then changed := new.id;
  elsif tg_op = 'DELETE' then changed := old.tenant_id;
  else changed := new.tenant_id;
  end if;
  if tg_op = 'INSERT' and tg_table_name = 'tenants' then
    insert into tenantry.usage_accounts (tenant_id, changes, resolved_changes, catalogue_revision) values (changed, 1, 0, 0);
  else
    update tenantry.usage_accounts a set changes = a.changes + 1 where a.tenant_id = changed;
  end if;
  return null;
end $$;

revoke all on function metering.note_change() from public;
-- Who makes the triggers must be able to name it.
grant usage on schema metering to tenantry_owner;
grant execute on function metering.note_change() to tenantry_owner;
reset role;

create trigger note_change after insert or update of plan on tenantry.tenants for each row execute function metering.note_change();
create trigger note_change after insert or update or delete on tenantry.limit_overrides for each row execute function metering.note_change();
`

export const meteringSql = `${tables}${accounts}`
