/** What is broken, how, and what must be said of it. */
export const breaches: [subject: string, breach: string, message: RegExp][] = [
  // Tables
  ['table tenantry.usage_events', 'alter table tenantry.usage_events disable row level security', /security is off/],
  ['table tenantry.memberships', 'alter table tenantry.memberships no force row level security', /not forced/],
  ['table tenancy.signing_keys', 'alter table tenancy.signing_keys no force row level security', /not forced/],
  ['table pgboss.queue', 'alter table pgboss.queue disable row level security', /security is off/],
  ['table tenantry.notes', 'create table tenantry.notes (id uuid)', /in no list/],
  ['table public.notes', 'create table public.notes (id uuid)', /in no list/],
  ['table tenantry.tenants', 'alter table tenantry.tenants rename to renters', /no such table/],
  ['table tenantry.users', 'alter table tenantry.users owner to tenantry_app', /tenantry_app owns it/],
  ['view tenantry.everybody', 'create view tenantry.everybody as select * from tenantry.users', /security_invoker/],
  [
    'materialized view tenantry.everybody',
    'create materialized view tenantry.everybody as select * from tenantry.users',
    /in no list/,
  ],
  // Keys
  [
    'table tenantry.memberships',
    'alter table tenantry.memberships drop constraint memberships_pkey, add primary key (id, tenant_id)',
    /primary key memberships_pkey does not begin with tenant_id/,
  ],
  [
    'table tenantry.usage_daily',
    'alter table tenantry.usage_daily drop constraint usage_daily_pkey',
    /has no primary key/,
  ],
  [
    'table tenantry.usage_events',
    'create unique index by_key on tenantry.usage_events (received_on, lower(idempotency_key)) where amount > 0',
    /unique constraint by_key does not begin with tenant_id/,
  ],
  [
    'table tenantry.settings_revisions',
    `alter table tenantry.memberships add unique (id);
     alter table tenantry.settings_revisions add column author uuid,
       add constraint author_fk foreign key (author) references tenantry.memberships (id)`,
    /author_fk to tenantry\.memberships does not begin with the tenant/,
  ],
  [
    'table tenantry.settings_revisions',
    `alter table tenantry.settings_revisions add column author uuid,
       add constraint author_fk foreign key (tenant_id, author) references tenantry.memberships (tenant_id, id)`,
    /behind the foreign key author_fk: create one that begins with \(tenant_id, author\)/,
  ],
  [
    'table tenantry.tenants',
    'drop index tenantry.tenants_parent_id_id_index',
    /behind the foreign key tenants_parent_fk: create one that begins with \(parent_id\)/,
  ],
  [
    'table tenantry.memberships',
    `drop index tenantry.memberships_user_id_index;
     create index on tenantry.memberships (user_id) where inheritable`,
    /behind the foreign key memberships_user_fk/,
  ],
  // Foreign keys
  [
    'table tenantry.events',
    'alter table tenantry.events drop constraint events_tenant_fk',
    /events_tenant_fk is missing: alter table tenantry\.events add constraint/,
  ],
  [
    'table tenantry.events',
    `alter table tenantry.events drop constraint events_tenant_fk;
     alter table tenantry.events add constraint events_tenant_fk foreign key (tenant_id) references tenantry.users (id)`,
    /events_tenant_fk is another one/,
  ],
  [
    'table tenantry.events',
    `alter table tenantry.events drop constraint events_tenant_fk;
     alter table tenantry.events add constraint events_tenant_fk foreign key (tenant_id) references tenantry.tenants (id) not valid`,
    /events_tenant_fk was never checked/,
  ],
  ['table tenantry.events', 'alter table tenantry.events disable trigger all', /events_tenant_fk is switched off/],
  ['table tenantry.events', 'alter table tenantry.tenants disable trigger all', /events_tenant_fk is switched off/],
  // Policies
  [
    'table tenantry.usage_counters',
    'alter policy tenant_isolation on tenantry.usage_counters using (true)',
    /tenant_isolation is “for all to tenantry_app using true/,
  ],
  [
    'table tenantry.usage_counters',
    `create function public.current_tenant() returns uuid language sql return null::uuid;
     alter policy tenant_isolation on tenantry.usage_counters using (tenant_id = (select public.current_tenant()))`,
    /tenant_isolation is “.*public\.current_tenant/,
  ],
  [
    'table tenantry.memberships',
    'alter policy own_membership on tenantry.memberships to tenantry_app',
    /own_membership is “for select to tenantry_app/,
  ],
  ['table tenantry.users', 'drop policy platform_users on tenantry.users', /platform_users is missing/],
  [
    'table tenantry.users',
    'create policy debug on tenantry.users for select to tenantry_app using (true)',
    /debug is declared nowhere/,
  ],
  [
    'table tenancy.signing_keys',
    'create policy readers on tenancy.signing_keys to public using (true)',
    /readers is declared nowhere/,
  ],
  // Grants
  ['table tenantry.users', 'grant update on tenantry.users to tenantry_app', /tenantry_app holds update/],
  ['table tenantry.users', 'grant update (email) on tenantry.users to tenantry_app', /holds update \(email\)/],
  ['table tenantry.users', 'grant select on tenantry.users to public', /public holds select/],
  [
    'table tenantry.users',
    'grant select on tenantry.users to tenantry_app with grant option',
    /holds select with grant option/,
  ],
  [
    'table tenantry.tenants',
    'revoke update (name) on tenantry.tenants from tenantry_app',
    /tenantry_app lacks update \(name\)/,
  ],
  ['table pgboss.queue', 'grant select on pgboss.queue to tenantry_app', /tenantry_app holds select/],
  ['schema pgboss', 'grant usage on schema pgboss to tenantry_app', /tenantry_app holds usage/],
  ['schema tenantry', 'grant create on schema tenantry to tenantry_app', /tenantry_app holds create/],
  ['schema public', 'grant usage on schema public to public', /public holds usage/],
  [
    'database',
    `do $$ begin execute format('grant temporary on database %I to public', current_database()); end $$`,
    /temp/,
  ],
  [
    'database',
    `do $$ begin execute format('grant create on database %I to tenantry_app', current_database()); end $$`,
    /tenantry_app holds create/,
  ],
  ['schema metering', 'revoke usage on schema metering from tenantry_app', /tenantry_app lacks usage/],
  [
    'default privileges of tenantry_owner',
    'alter default privileges for role tenantry_owner grant select on tables to tenantry_app',
    /tenantry_app holds select/,
  ],
  ['setting session_replication_role', 'grant set on parameter session_replication_role to tenantry_app', /holds set/],
  ['setting session_replication_role', 'grant set on parameter session_replication_role to public', /public holds set/],
  [
    'function pg_catalog.pg_read_file(text)',
    'grant execute on function pg_catalog.pg_read_file(text) to tenantry_app',
    /tenantry_app holds execute/,
  ],
  [
    'function pg_catalog.pg_read_file(text)',
    'grant execute on function pg_catalog.pg_read_file(text) to public',
    /public holds execute/,
  ],
  [
    'table pg_catalog.pg_authid',
    'grant select (rolpassword) on pg_catalog.pg_authid to public',
    /public holds select \(rolpassword\)/,
  ],
  ['schema pg_catalog', 'grant create on schema pg_catalog to public', /public holds create/],
  [
    'function directory.memberships()',
    'revoke execute on function directory.memberships() from tenantry_app',
    /tenantry_app lacks execute/,
  ],
  [
    'function tenancy.verify_context(text, text)',
    'grant execute on function tenancy.verify_context(text, text) to public',
    /public holds execute/,
  ],
  // Functions
  [
    'function directory.anything()',
    'create function directory.anything() returns int language sql return 1',
    /in no list/,
  ],
  ['function tenancy.current_tenant()', 'drop function tenancy.current_tenant() cascade', /no such function/],
  [
    'function directory.find_user(text, text)',
    'alter function directory.find_user(text, text) reset search_path',
    /caller's search_path/,
  ],
  [
    'function directory.find_user(text, text)',
    'alter function directory.find_user(text, text) set search_path = tenantry, pg_temp',
    /caller's search_path/,
  ],
  [
    'function directory.find_user(text, text)',
    'alter function directory.find_user(text, text) owner to postgres',
    /rights of postgres/,
  ],
  [
    'function tenancy.adopted()',
    `create function tenancy.adopted() returns int language sql security definer return 1;
     revoke execute on function tenancy.adopted() from public;
     alter extension pgcrypto add function tenancy.adopted()`,
    /rights of postgres/,
  ],
  [
    'function tenancy.verify_context(text, text)',
    `create or replace function tenancy.verify_context(purpose text, token text) returns text
     language plpgsql stable parallel safe security definer set search_path = pg_catalog, pg_temp
     as $$ begin return split_part(token, '.', 2); end $$`,
    /not what the migrations made: line \d+ is “.*split_part/,
  ],
  [
    'function directory.own_tenants()',
    `create or replace function directory.own_tenants() returns setof uuid
     language sql stable security definer set search_path = pg_catalog, pg_temp
     begin atomic select t.id from tenantry.tenants t; end`,
    /not what the migrations made/,
  ],
  [
    'function tenancy.refuse_definition()',
    `create or replace function tenancy.refuse_definition() returns event_trigger
     language plpgsql set search_path = pg_catalog, pg_temp as $$ begin null; end $$`,
    /not what the migrations made/,
  ],
  [
    'function tenancy.current_tenant()',
    'alter function tenancy.current_tenant() volatile',
    /not what the migrations made/,
  ],
  // Triggers
  ['table tenantry.events', 'drop trigger refuse_purged on tenantry.events', /trigger refuse_purged is missing/],
  [
    'function lifecycle.refuse_purged()',
    `create or replace function lifecycle.refuse_purged() returns trigger
     language plpgsql security definer set search_path = pg_catalog, pg_temp as $$ begin return null; end $$`,
    /not what the migrations made/,
  ],
  [
    'table tenantry.users',
    `create function public.copy() returns trigger language plpgsql as $$ begin return new; end $$;
     create trigger copy before insert on tenantry.users execute function public.copy()`,
    /trigger copy is in no migration/,
  ],
  [
    'table tenantry.users',
    'create rule quietly as on delete to tenantry.users do instead nothing',
    /rule quietly rewrites statements/,
  ],
  [
    'event trigger watcher',
    `create function public.watch() returns event_trigger language plpgsql as $$ begin null; end $$;
     create event trigger watcher on ddl_command_end execute function public.watch()`,
    /is not ours/,
  ],
  // Roles
  ['role tenantry_app', 'alter role tenantry_app bypassrls', /is bypassrls/],
  ['role tenantry_jobs', 'alter role tenantry_jobs superuser', /is superuser/],
  ['role tenantry_platform', 'alter role tenantry_platform createrole', /is createrole/],
  ['role tenantry_metering', 'alter role tenantry_metering login', /can log in/],
  ['role tenantry_owner', 'alter role tenantry_owner nologin', /cannot log in/],
  ['role tenantry_app', 'alter role tenantry_app reset track_activities', /shows its statements/],
  ['role tenantry_app', 'alter role tenantry_app set row_security = off', /row_security=off/],
  ['role tenantry_app', 'grant tenantry_metering to tenantry_app', /member of tenantry_metering/],
  ['role tenantry_app', 'grant pg_read_all_data to tenantry_app', /member of pg_read_all_data/],
  ['role tenantry_owner', 'grant tenantry_metering to tenantry_owner with admin option', /with admin option/],
  ['role tenantry_owner', 'revoke tenantry_metering from tenantry_owner', /cannot become tenantry_metering/],
  ['role pg_monitor', 'grant tenantry_owner to pg_monitor', /member of tenantry_owner/],
  ['role tenantry_platform', 'alter table tenantry.users owner to tenantry_platform', /owns the table tenantry\.users/],
  ['role tenantry_app', 'alter role tenantry_app rename to tenantry_web', /no such role/],
  [
    'role tenantry_app',
    'grant execute on function pg_catalog.pg_stat_get_activity(integer) to public',
    /may execute pg_catalog\.pg_stat_get_activity/,
  ],
  [
    'event trigger tenantry_refuse_definition',
    'alter event trigger tenantry_refuse_definition disable',
    /may define things/,
  ],
  [
    'event trigger tenantry_refuse_definition',
    `drop event trigger tenantry_refuse_definition;
     create event trigger tenantry_refuse_definition on ddl_command_start when tag in ('CREATE TABLE')
       execute function tenancy.refuse_definition()`,
    /may define things/,
  ],
  [
    'setting session_replication_role',
    'alter role all set session_replication_role = replica',
    /replica for all sessions/,
  ],
  ['schema notes', 'create schema notes', /Nothing is known/],
  ['schema metering', 'alter schema metering owner to tenantry_owner', /tenantry_owner owns it/],
]
