/**
 * What onboarding keeps: how far each has come, owners who have not signed in yet, limits that differ from the plan, mails
 * to be sent, and the names of tenants, which a trigger keeps apart whoever writes them.
 */
export const onboardingSql = /* sql */ `
create index "users_email_index" on "tenantry"."users" ("email");

create table "tenantry"."limit_overrides" ("tenant_id" uuid not null, "meter" varchar(64) not null, "value" bigint null, "reason" varchar(500) null, "expires_at" timestamptz null, "created_at" timestamptz not null, primary key ("tenant_id", "meter"));

create table "tenantry"."mails" ("tenant_id" uuid not null, "id" uuid not null, "recipient" varchar(320) not null, "subject" varchar(200) not null, "text" text not null, "html" text not null, "created_at" timestamptz not null, "attempts" int not null default 0, "next_attempt_at" timestamptz null, "sent_at" timestamptz null, "last_error" varchar(500) null, primary key ("tenant_id", "id"));
create index "mails_sent_at_next_attempt_at_index" on "tenantry"."mails" ("sent_at", "next_attempt_at");

create table "tenantry"."onboardings" ("tenant_id" uuid not null, "principal" varchar(255) not null, "key" varchar(255) null, "request_hash" varchar(64) null, "request" jsonb not null, "actor" jsonb not null, "request_id" varchar(100) not null, "done_steps" text[] not null default '{}', "response" text null, "started_at" timestamptz not null, "finished_at" timestamptz null, primary key ("tenant_id"));
create index "onboardings_principal_key_index" on "tenantry"."onboardings" ("principal", "key");
create index "onboardings_finished_at_started_at_index" on "tenantry"."onboardings" ("finished_at", "started_at");

create table "tenantry"."pending_owners" ("tenant_id" uuid not null, "email" varchar(320) not null, "created_at" timestamptz not null, primary key ("tenant_id", "email"));
create index "pending_owners_email_index" on "tenantry"."pending_owners" ("email");

create table "tenantry"."tenant_references" ("reference" varchar(128) not null, "named_tenant_id" uuid not null, primary key ("reference"));
create index "tenant_references_named_tenant_id_index" on "tenantry"."tenant_references" ("named_tenant_id");

alter table "tenantry"."limit_overrides" enable row level security;
alter table "tenantry"."limit_overrides" force row level security;
create policy "tenant_isolation" on "tenantry"."limit_overrides" to "tenantry_app" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_tenant" on "tenantry"."limit_overrides" to "tenantry_platform" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_read" on "tenantry"."limit_overrides" for select to "tenantry_platform" using ((select tenancy.current_operator()) is not null);
alter table "tenantry"."mails" enable row level security;
alter table "tenantry"."mails" force row level security;
create policy "tenant_isolation" on "tenantry"."mails" to "tenantry_app" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_tenant" on "tenantry"."mails" to "tenantry_platform" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_read" on "tenantry"."mails" for select to "tenantry_platform" using ((select tenancy.current_operator()) is not null);
create policy "expired" on "tenantry"."mails" to "tenantry_jobs" using (next_attempt_at is null and created_at < (now() - '30 days'::interval));
alter table "tenantry"."onboardings" enable row level security;
alter table "tenantry"."onboardings" force row level security;
create policy "tenant_isolation" on "tenantry"."onboardings" to "tenantry_app" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_tenant" on "tenantry"."onboardings" to "tenantry_platform" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_read" on "tenantry"."onboardings" for select to "tenantry_platform" using ((select tenancy.current_operator()) is not null);
create policy "expired" on "tenantry"."onboardings" to "tenantry_jobs" using (finished_at < (now() - '24:00:00'::interval));
alter table "tenantry"."pending_owners" enable row level security;
alter table "tenantry"."pending_owners" force row level security;
create policy "tenant_isolation" on "tenantry"."pending_owners" to "tenantry_app" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_tenant" on "tenantry"."pending_owners" to "tenantry_platform" using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy "platform_read" on "tenantry"."pending_owners" for select to "tenantry_platform" using ((select tenancy.current_operator()) is not null);
create policy "claim" on "tenantry"."pending_owners" for select to "tenantry_directory" using ((select tenancy.current_identity()) is not null);
alter table "tenantry"."tenant_references" enable row level security;
alter table "tenantry"."tenant_references" force row level security;
create policy "owner_only" on "tenantry"."tenant_references" to "tenantry_owner" using (true) with check (true);

alter table tenantry.limit_overrides add constraint limit_overrides_tenant_fk foreign key (tenant_id) references tenantry.tenants (id);
alter table tenantry.mails add constraint mails_tenant_fk foreign key (tenant_id) references tenantry.tenants (id);
alter table tenantry.onboardings add constraint onboardings_tenant_fk foreign key (tenant_id) references tenantry.tenants (id);
alter table tenantry.pending_owners add constraint pending_owners_tenant_fk foreign key (tenant_id) references tenantry.tenants (id);
alter table tenantry.tenant_references add constraint tenant_references_tenant_fk foreign key (named_tenant_id) references tenantry.tenants (id) on delete cascade;

grant select on tenantry.limit_overrides to tenantry_app;
grant select, insert, update, delete on tenantry.limit_overrides to tenantry_platform;
grant select, insert on tenantry.mails to tenantry_app;
grant select, insert, update (attempts, next_attempt_at, sent_at, last_error) on tenantry.mails to tenantry_platform;
grant select, delete on tenantry.mails, tenantry.onboardings to tenantry_jobs;
grant select, insert, update (done_steps, response, finished_at) on tenantry.onboardings to tenantry_platform;
grant update (role, inheritable) on tenantry.memberships to tenantry_platform;
grant select, insert, delete on tenantry.pending_owners to tenantry_platform;
grant select on tenantry.pending_owners to tenantry_directory;

-- On conflict it waits for whoever takes the name at the same time; then the row tells whose it is.
create function tenancy.keep_references() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'UPDATE' then
    delete from tenantry.tenant_references r
     where r.named_tenant_id = new.id and r.reference <> new.slug and r.reference is distinct from new.external_id;
  end if;
  insert into tenantry.tenant_references (reference, named_tenant_id)
  select name, new.id from unnest(array[new.slug, new.external_id]) as name where name is not null
  on conflict (reference) do nothing;
  if not exists (select from tenantry.tenant_references r where r.reference = new.slug and r.named_tenant_id = new.id) then
    raise unique_violation using constraint = 'tenants_slug_unique', message = 'another tenant has this slug for a name';
  end if;
  if new.external_id is not null and not exists (
    select from tenantry.tenant_references r where r.reference = new.external_id and r.named_tenant_id = new.id
  ) then
    raise unique_violation using constraint = 'tenants_external_id_unique', message = 'another tenant has this external_id for a name';
  end if;
  return null;
end $$;
revoke all on function tenancy.keep_references() from public;

-- What is there already: where two tenants share a name it stays with the slug, as it always was resolved.
alter table tenantry.tenants no force row level security;
insert into tenantry.tenant_references (reference, named_tenant_id) select slug, id from tenantry.tenants;
insert into tenantry.tenant_references (reference, named_tenant_id)
select external_id, id from tenantry.tenants where external_id is not null on conflict (reference) do nothing;
alter table tenantry.tenants force row level security;

create trigger keep_references after insert or update of slug, external_id on tenantry.tenants
  for each row execute function tenancy.keep_references();

set local role tenantry_directory;

-- The policy of users shows the signed identity itself and nobody else. Where nobody may act, nobody comes in either.
create function directory.claimable_ownerships() returns table (tenant_id uuid, claimable boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select p.tenant_id, t.status = 'active'
         and not exists (select from tenantry.tenants above where above.id = any (t.path) and above.status <> 'active')
    from tenantry.users u join tenantry.pending_owners p on p.email = u.email
    join tenantry.tenants t on t.id = p.tenant_id;
end;

revoke all on function directory.claimable_ownerships() from public;
grant execute on function directory.claimable_ownerships() to tenantry_app;
reset role;
`
