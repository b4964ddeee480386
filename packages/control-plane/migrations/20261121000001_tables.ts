/** The tables of the foundation, as the entities declare them, with their foreign keys and grants. */
export const tablesSql = /* sql */ `
create table "tenantry"."audit_entries" ("tenant_id" uuid not null, "id" uuid not null, "at" timestamptz not null, "action" varchar(100) not null, "outcome" text not null, "actor_type" varchar(20) not null, "actor_id" varchar(200) null, "actor_email" varchar(320) null, "target_type" varchar(50) null, "target_id" varchar(200) null, "changes" jsonb null, "details" jsonb null, "client_address" varchar(64) null, "user_agent" varchar(500) null, "request_id" varchar(100) not null, primary key ("tenant_id", "id"));
create index "audit_entries_tenant_id_at_id_index" on "tenantry"."audit_entries" ("tenant_id", "at", "id");
alter table "tenantry"."audit_entries" add constraint "audit_entries_outcome_check" check ("outcome" in ('success', 'denied'));

create table "tenantry"."events" ("tenant_id" uuid not null, "position" bigint not null, "type" varchar(64) not null, "data" jsonb not null, "occurred_at" timestamptz not null, primary key ("tenant_id", "position"));
create index "events_occurred_at_index" on "tenantry"."events" ("occurred_at");

create table "tenantry"."idempotency_records" ("tenant_id" uuid not null, "principal" varchar(255) not null, "operation" varchar(100) not null, "key" varchar(255) not null, "request_hash" varchar(64) not null, "response" text not null, "created_at" timestamptz not null, primary key ("tenant_id", "principal", "operation", "key"));
create index "idempotency_records_created_at_index" on "tenantry"."idempotency_records" ("created_at");

create table "tenantry"."memberships" ("tenant_id" uuid not null, "id" uuid not null, "user_id" uuid not null, "role" text not null, "inheritable" boolean not null default false, "joined_at" timestamptz not null, primary key ("tenant_id", "id"));
create index "memberships_user_id_index" on "tenantry"."memberships" ("user_id");
alter table "tenantry"."memberships" add constraint "memberships_tenant_id_user_id_unique" unique ("tenant_id", "user_id");
alter table "tenantry"."memberships" add constraint "memberships_role_check" check ("role" in ('owner', 'admin', 'member', 'viewer'));

create table "tenantry"."platform_audit_entries" ("id" uuid not null, "concerns_tenant_id" uuid null, "at" timestamptz not null, "action" varchar(100) not null, "outcome" text not null, "actor_type" varchar(20) not null, "actor_id" varchar(200) null, "actor_email" varchar(320) null, "target_type" varchar(50) null, "target_id" varchar(200) null, "changes" jsonb null, "details" jsonb null, "client_address" varchar(64) null, "user_agent" varchar(500) null, "request_id" varchar(100) not null, primary key ("id"));
create index "platform_audit_entries_at_id_index" on "tenantry"."platform_audit_entries" ("at", "id");
alter table "tenantry"."platform_audit_entries" add constraint "platform_audit_entries_outcome_check" check ("outcome" in ('success', 'denied'));

create table "tenantry"."settings_revisions" ("tenant_id" uuid not null, "version" int not null, "document" jsonb not null, "changed_keys" text[] not null, "actor_type" varchar(20) not null, "actor_id" varchar(200) null, "created_at" timestamptz not null, primary key ("tenant_id", "version"));

create table "tenantry"."tenants" ("id" uuid not null, "slug" varchar(63) not null, "external_id" varchar(128) null, "name" varchar(100) not null, "contact_email" varchar(320) not null, "organization_type" varchar(100) null, "website_url" varchar(2048) null, "timezone" varchar(64) not null default 'UTC', "former_timezones" jsonb not null default '[]', "tags" text[] not null default '{}', "plan" varchar(64) not null default 'free', "status" text not null default 'active', "status_reason" varchar(500) null, "status_until" timestamptz null, "parent_id" uuid null, "path" uuid[] not null default '{}', "version" int not null default 1, "created_at" timestamptz not null, "updated_at" timestamptz not null, primary key ("id"));
alter table "tenantry"."tenants" add constraint "tenants_slug_unique" unique ("slug");
create unique index "tenants_external_id_unique" on "tenantry"."tenants" ("external_id") where external_id is not null;
create index "tenants_parent_id_index" on "tenantry"."tenants" ("parent_id");
create index "tenants_path_index" on "tenantry"."tenants" using gin ("path");
alter table "tenantry"."tenants" add constraint "tenants_status_check" check ("status" in ('provisioning', 'active', 'suspended', 'deleting', 'purged'));

create table "tenantry"."tenant_settings" ("tenant_id" uuid not null, "document" jsonb not null, "version" int not null default 1, "updated_at" timestamptz not null, primary key ("tenant_id"));

create table "tenantry"."usage_counters" ("tenant_id" uuid not null, "meter" varchar(64) not null, "period" varchar(32) not null, "used" bigint not null, "revision" bigint not null default '1', "over_since" timestamptz null, "over_span" varchar(32) null, "sequence" bigint null, "held_until" timestamptz null, "updated_at" timestamptz not null, primary key ("tenant_id", "meter", "period"));

create table "tenantry"."usage_daily" ("tenant_id" uuid not null, "meter" varchar(64) not null, "day" date not null, "used" bigint not null, "events" bigint not null, primary key ("tenant_id", "meter", "day"));

create table "tenantry"."usage_events" ("tenant_id" uuid not null, "id" uuid not null, "received_on" date not null, "idempotency_key" varchar(255) null, "meter" varchar(64) not null, "period" varchar(32) not null, "amount" bigint not null, "occurred_at" timestamptz not null, "received_at" timestamptz not null, "properties" jsonb null, primary key ("tenant_id", "id", "received_on")) partition by range (received_on);
create index "usage_events_meter_index" on "tenantry"."usage_events" ("tenant_id", "meter", "id") where meter is not null;
create unique index "usage_events_idempotency_key_unique" on "tenantry"."usage_events" ("tenant_id", "idempotency_key", "received_on") where idempotency_key is not null;

create table "tenantry"."users" ("id" uuid not null, "issuer" varchar(500) not null, "subject" varchar(255) not null, "email" varchar(320) not null, "name" varchar(200) null, "created_at" timestamptz not null, primary key ("id"));
alter table "tenantry"."users" add constraint "users_issuer_subject_unique" unique ("issuer", "subject");

alter table "tenantry"."audit_entries" enable row level security;
alter table "tenantry"."audit_entries" force row level security;
create policy "tenant_isolation" on "tenantry"."audit_entries" to "tenantry_app" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_tenant" on "tenantry"."audit_entries" to "tenantry_platform" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_read" on "tenantry"."audit_entries" for select to "tenantry_platform" using ((select tenancy.current_operator()) is not null);
alter table "tenantry"."events" enable row level security;
alter table "tenantry"."events" force row level security;
create policy "tenant_isolation" on "tenantry"."events" to "tenantry_app" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_tenant" on "tenantry"."events" to "tenantry_platform" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_read" on "tenantry"."events" for select to "tenantry_platform" using ((select tenancy.current_operator()) is not null);
create policy "expired" on "tenantry"."events" to "tenantry_jobs" using (occurred_at < (now() - '7 days 01:00:00'::interval));
alter table "tenantry"."idempotency_records" enable row level security;
alter table "tenantry"."idempotency_records" force row level security;
create policy "tenant_isolation" on "tenantry"."idempotency_records" to "tenantry_app" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_tenant" on "tenantry"."idempotency_records" to "tenantry_platform" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_read" on "tenantry"."idempotency_records" for select to "tenantry_platform" using ((select tenancy.current_operator()) is not null);
create policy "expired" on "tenantry"."idempotency_records" to "tenantry_jobs" using (created_at < (now() - '24:00:00'::interval));
alter table "tenantry"."memberships" enable row level security;
alter table "tenantry"."memberships" force row level security;
create policy "tenant_isolation" on "tenantry"."memberships" to "tenantry_app" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_tenant" on "tenantry"."memberships" to "tenantry_platform" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_read" on "tenantry"."memberships" for select to "tenantry_platform" using ((select tenancy.current_operator()) is not null);
create policy "own_membership" on "tenantry"."memberships" for select to "tenantry_directory" using (user_id = (select tenancy.current_user_id()));
alter table "tenantry"."platform_audit_entries" enable row level security;
alter table "tenantry"."platform_audit_entries" force row level security;
create policy "platform_log" on "tenantry"."platform_audit_entries" to "tenantry_platform" using ((select tenancy.current_operator()) is not null) with check ((select tenancy.current_operator()) is not null);
create policy "platform_tenant_log" on "tenantry"."platform_audit_entries" for insert to "tenantry_platform" with check (concerns_tenant_id = (select tenancy.current_tenant()));
alter table "tenantry"."settings_revisions" enable row level security;
alter table "tenantry"."settings_revisions" force row level security;
create policy "tenant_isolation" on "tenantry"."settings_revisions" to "tenantry_app" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_tenant" on "tenantry"."settings_revisions" to "tenantry_platform" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_read" on "tenantry"."settings_revisions" for select to "tenantry_platform" using ((select tenancy.current_operator()) is not null);
alter table "tenantry"."tenants" enable row level security;
alter table "tenantry"."tenants" force row level security;
create policy "tenant_isolation" on "tenantry"."tenants" to "tenantry_app" using (id = (select tenancy.current_tenant())) with check (id = (select tenancy.current_tenant()));
create policy "platform_tenant" on "tenantry"."tenants" to "tenantry_platform" using (id = (select tenancy.current_tenant())) with check (id = (select tenancy.current_tenant()));
create policy "platform_read" on "tenantry"."tenants" for select to "tenantry_platform" using ((select tenancy.current_operator()) is not null);
create policy "directory_read" on "tenantry"."tenants" for select to "tenantry_directory" using (true);
create policy "platform_create" on "tenantry"."tenants" for insert to "tenantry_platform" with check ((select tenancy.current_operator()) is not null);
alter table "tenantry"."tenant_settings" enable row level security;
alter table "tenantry"."tenant_settings" force row level security;
create policy "tenant_isolation" on "tenantry"."tenant_settings" to "tenantry_app" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_tenant" on "tenantry"."tenant_settings" to "tenantry_platform" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_read" on "tenantry"."tenant_settings" for select to "tenantry_platform" using ((select tenancy.current_operator()) is not null);
alter table "tenantry"."usage_counters" enable row level security;
alter table "tenantry"."usage_counters" force row level security;
create policy "tenant_isolation" on "tenantry"."usage_counters" to "tenantry_app" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_tenant" on "tenantry"."usage_counters" to "tenantry_platform" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_read" on "tenantry"."usage_counters" for select to "tenantry_platform" using ((select tenancy.current_operator()) is not null);
create policy "metering" on "tenantry"."usage_counters" to "tenantry_metering" using (true) with check (true);
alter table "tenantry"."usage_daily" enable row level security;
alter table "tenantry"."usage_daily" force row level security;
create policy "tenant_isolation" on "tenantry"."usage_daily" to "tenantry_app" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_tenant" on "tenantry"."usage_daily" to "tenantry_platform" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_read" on "tenantry"."usage_daily" for select to "tenantry_platform" using ((select tenancy.current_operator()) is not null);
create policy "metering" on "tenantry"."usage_daily" to "tenantry_metering" using (true) with check (true);
alter table "tenantry"."usage_events" enable row level security;
alter table "tenantry"."usage_events" force row level security;
create policy "tenant_isolation" on "tenantry"."usage_events" to "tenantry_app" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_tenant" on "tenantry"."usage_events" to "tenantry_platform" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_read" on "tenantry"."usage_events" for select to "tenantry_platform" using ((select tenancy.current_operator()) is not null);
create policy "metering" on "tenantry"."usage_events" to "tenantry_metering" using (true) with check (true);
alter table "tenantry"."users" enable row level security;
alter table "tenantry"."users" force row level security;
create policy "directory_identity" on "tenantry"."users" to "tenantry_directory" using (encode(sha256(convert_to(issuer || '|' || subject, 'UTF8')), 'hex') = split_part((select tenancy.current_identity()), ':', 1)) with check (encode(sha256(convert_to(issuer || '|' || subject, 'UTF8')), 'hex') = split_part((select tenancy.current_identity()), ':', 1));
create policy "platform_users" on "tenantry"."users" to "tenantry_platform" using ((select tenancy.current_operator()) is not null) with check ((select tenancy.current_operator()) is not null);

alter table tenantry.tenants add constraint tenants_parent_fk foreign key (parent_id) references tenantry.tenants (id);
alter table tenantry.memberships add constraint memberships_tenant_fk foreign key (tenant_id) references tenantry.tenants (id);
alter table tenantry.memberships add constraint memberships_user_fk foreign key (user_id) references tenantry.users (id);
alter table tenantry.tenant_settings add constraint tenant_settings_tenant_fk foreign key (tenant_id) references tenantry.tenants (id);
alter table tenantry.settings_revisions add constraint settings_revisions_tenant_fk foreign key (tenant_id) references tenantry.tenants (id);
alter table tenantry.audit_entries add constraint audit_entries_tenant_fk foreign key (tenant_id) references tenantry.tenants (id);
alter table tenantry.events add constraint events_tenant_fk foreign key (tenant_id) references tenantry.tenants (id);
alter table tenantry.idempotency_records add constraint idempotency_records_tenant_fk foreign key (tenant_id) references tenantry.tenants (id);
alter table tenantry.usage_counters set (fillfactor = 50);

grant usage on schema tenantry to tenantry_app, tenantry_platform, tenantry_jobs, tenantry_directory, tenantry_metering;
grant select on tenantry.tenants to tenantry_app, tenantry_platform, tenantry_directory;
grant update (name, contact_email, organization_type, website_url, timezone, former_timezones, external_id, tags, version, updated_at) on tenantry.tenants to tenantry_app;
grant insert, update (slug, external_id, name, contact_email, organization_type, website_url, timezone, former_timezones, tags, plan, status, status_reason, status_until, version, updated_at) on tenantry.tenants to tenantry_platform;
grant select on tenantry.users to tenantry_platform, tenantry_directory;
grant insert on tenantry.users to tenantry_platform, tenantry_directory;
grant update (email, name) on tenantry.users to tenantry_directory;
grant select on tenantry.memberships to tenantry_app, tenantry_platform, tenantry_directory;
grant insert on tenantry.memberships to tenantry_platform;
grant select, insert, update (document, version, updated_at) on tenantry.tenant_settings to tenantry_app, tenantry_platform;
grant select, insert on tenantry.settings_revisions to tenantry_app, tenantry_platform;
grant select, insert on tenantry.audit_entries to tenantry_app, tenantry_platform;
grant select, insert on tenantry.platform_audit_entries to tenantry_platform;
grant select on tenantry.usage_counters, tenantry.usage_daily, tenantry.usage_events to tenantry_app, tenantry_platform;
grant select, insert, update on tenantry.usage_counters, tenantry.usage_daily to tenantry_metering;
grant select, insert on tenantry.usage_events to tenantry_metering;
grant select, insert, update (request_hash, response, created_at) on tenantry.idempotency_records to tenantry_app, tenantry_platform;
grant select, delete on tenantry.idempotency_records to tenantry_jobs;
grant select, insert on tenantry.events to tenantry_app, tenantry_platform;
grant select, delete on tenantry.events to tenantry_jobs;
`
