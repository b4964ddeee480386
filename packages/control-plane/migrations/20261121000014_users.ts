import { declaredFunctions } from '@tenantry/kernel/tenancy/inspection/declared-sql'
import { rolesSql } from './20261121000010_roles.ts'

const operator = '(select tenancy.current_operator()) is not null'

const tables = /* sql */ `
alter table tenantry.users
  add last_seen_at timestamptz null,
  add state_reason varchar(500) null,
  add state_changed_at timestamptz null;
alter table tenantry.users add former_emails text[] not null default '{}';
create index users_state_id_index on tenantry.users (state, id);
create index users_state_changed_at_index on tenantry.users (state_changed_at);
create index audit_entries_actor_id_tenant_id_id_index on tenantry.audit_entries (actor_id, tenant_id, id);
create index platform_audit_entries_actor_id_id_index on tenantry.platform_audit_entries (actor_id, id);
create index audit_entries_target_id_tenant_id_id_index on tenantry.audit_entries (target_id, tenant_id, id) where target_type = 'user';
create index platform_audit_entries_target_id_id_index on tenantry.platform_audit_entries (target_id, id) where target_type = 'user';
create index api_keys_created_by_id_index on tenantry.api_keys (created_by_id);
create index invitations_email_index on tenantry.invitations (email);
create index invitations_accepted_by_index on tenantry.invitations (accepted_by);
create index invitations_invited_by_id_index on tenantry.invitations (invited_by_id);
create index mails_recipient_index on tenantry.mails (recipient);

create policy own_person on tenantry.users for select to tenantry_directory using (id = (select tenancy.current_user_id()));
create policy erasure on tenantry.users to tenantry_directory using (${operator}) with check (${operator});
create policy erased_person on tenantry.users for select to tenantry_lifecycle using (${operator});
create policy erasure on tenantry.platform_audit_entries to tenantry_directory using (${operator}) with check (${operator});

grant update (state, state_reason, state_changed_at, last_seen_at) on tenantry.users to tenantry_platform;
grant update (issuer, subject, former_emails, state, state_reason, state_changed_at, last_seen_at) on tenantry.users to tenantry_directory;
grant select, update (actor_email, client_address, user_agent) on tenantry.platform_audit_entries to tenantry_directory;
grant select (id, email, former_emails, email_key, state) on tenantry.users to tenantry_lifecycle;
grant update (actor_email, target_id, changes, details, client_address, user_agent) on tenantry.audit_entries to tenantry_lifecycle;
grant update (email, state, revoked_at, invited_by_name) on tenantry.invitations to tenantry_lifecycle;
grant update (digest, revoked_at) on tenantry.api_keys to tenantry_lifecycle;
grant execute on function tenancy.current_operator() to tenantry_lifecycle;
`

/** Whoever was deactivated is a member of nothing, and so are the keys that they made. */
const findAccess = declaredFunctions([rolesSql])
  .filter(({ name }) => name === 'find_access')
  .map(({ statement }) =>
    statement.replace(/^create function/, 'create or replace function').replace(
      "and (base.role is not null or custom.roles <> '[]')",
      `$&
     and not exists (select from tenantry.users u where u.id = (select tenancy.current_user_id()) and u.state <> 'active')`,
    ),
  )

const pseudonym = (person: string) => `'erased-' || ${person} || '@erased.invalid'`

const lookUps = /* sql */ `
create function directory.user_state(issuer text, subject text) returns table (state text, changed_at timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select u.state, u.state_changed_at from tenantry.users u
   where u.issuer = user_state.issuer and u.subject = user_state.subject and (select tenancy.current_identity()) is not null;
end;

-- Who stands behind what they left in a tenant need not be a member of it: operators are not.
create function directory.is_active_user(person uuid) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select (select tenancy.current_tenant()) is not null
     and exists (select from tenantry.users u where u.id = person and u.state = 'active');
end;

-- What no tenant's log or table holds. Who comes with the same token again is somebody new.
create function directory.erase_user(person uuid, erased_at timestamptz) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  pseudonym constant text := ${pseudonym('person')};
  rewritten bigint;
begin
  if tenancy.current_operator() is null then
    raise insufficient_privilege using message = 'an erasure needs a signed operator context';
  end if;
  update tenantry.platform_audit_entries e
     set actor_email = case when e.actor_email is null then null else pseudonym end, client_address = null, user_agent = null
   where e.actor_id = person::text and e.actor_type in ('user', 'platformAdmin')
     and (e.actor_email <> pseudonym or e.client_address is not null or e.user_agent is not null);
  get diagnostics rewritten = row_count;
  update tenantry.users u
     set issuer = 'erased', subject = person::text, email = pseudonym, former_emails = '{}', name = null, last_seen_at = null, state = 'erased',
         state_reason = null, state_changed_at = erased_at
   where u.id = person and u.state <> 'erased';
  return rewritten;
end $$;

revoke all on function directory.user_state(text, text), directory.is_active_user(uuid), directory.erase_user(uuid, timestamptz) from public;
grant execute on function directory.user_state(text, text) to tenantry_app;
grant execute on function directory.is_active_user(uuid) to tenantry_app, tenantry_platform;
grant execute on function directory.erase_user(uuid, timestamptz) to tenantry_platform;
`

/** Not as a part of a longer address. */
const asWholeAddress = /* sql */ `'(?:(?<![[:alnum:]._%+-])' || regexp_replace(said.address, '([^[:alnum:]])', '\\\\\\1', 'g') || '(?![[:alnum:]-]|\\.[[:alnum:]]))'`

const erasure = /* sql */ `
-- Of the signed tenant, and under a signed operator only: its log is rewritten by nothing else, and by this in no other way
-- than that a person becomes a pseudonym, which is that person's own and always the same.
create function lifecycle.erase_person(person uuid) returns jsonb
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  own constant uuid := tenancy.current_tenant();
  pseudonym constant text := ${pseudonym('person')};
  addresses text[];
  mention text;
  counted jsonb := '{}';
  affected bigint;
begin
  if own is null or tenancy.current_operator() is null then
    raise insufficient_privilege using message = 'an erasure needs a signed tenant and a signed operator context';
  end if;
  -- Former addresses too. What is known by an address alone is left to whoever else has it now.
  select coalesce(array_agg(said.address), array[pseudonym]), coalesce(string_agg(${asWholeAddress}, '|'), pseudonym)
    into addresses, mention
    from (select unnest(u.former_emails || lower(u.email)) as address from tenantry.users u where u.id = person) said
   where not exists (select from tenantry.users other where other.email_key = said.address and other.id <> person and other.state = 'active');
  if not exists (select from tenantry.users u where u.id = person) then
    raise no_data_found using message = 'nobody has this id';
  end if;

  update tenantry.audit_entries e
     set actor_email = case when e.actor_id = person::text and e.actor_email is not null then pseudonym else e.actor_email end,
         client_address = case when e.actor_id = person::text then null else e.client_address end,
         user_agent = case when e.actor_id = person::text then null else e.user_agent end,
         target_id = left(regexp_replace(e.target_id, mention, pseudonym, 'gi'), 200),
         changes = regexp_replace(e.changes::text, mention, pseudonym, 'gi')::jsonb,
         details = regexp_replace(e.details::text, mention, pseudonym, 'gi')::jsonb
   where e.tenant_id = own
     and (e.actor_id = person::text and e.actor_type in ('user', 'platformAdmin')
            and (e.actor_email <> pseudonym or e.client_address is not null or e.user_agent is not null)
          or addresses <> array[pseudonym] and (e.target_id ~* mention or e.changes::text ~* mention or e.details::text ~* mention));
  get diagnostics affected = row_count;
  counted := counted || jsonb_build_object('audit_entries', affected);

  -- What they had sent to others names them. Of that, what has not gone out would lead nowhere: nobody stands for it.
  delete from tenantry.mails m
   where m.tenant_id = own and (lower(m.recipient) = any (addresses) or m.sender_id = person::text);
  get diagnostics affected = row_count;
  counted := counted || jsonb_build_object('mails', affected);

  update tenantry.invitations i
     set email = case when i.email = any (addresses) or i.accepted_by = person then pseudonym else i.email end,
         state = case when i.email = any (addresses) and i.state = 'pending' then 'revoked' else i.state end,
         revoked_at = case when i.email = any (addresses) and i.state = 'pending' then clock_timestamp() else i.revoked_at end,
         invited_by_name = case when i.invited_by_id = person::text then pseudonym else i.invited_by_name end
   where i.tenant_id = own
     and ((i.email = any (addresses) or i.accepted_by = person) and i.email <> pseudonym
          or i.invited_by_id = person::text and i.invited_by_type in ('user', 'platformAdmin') and i.invited_by_name <> pseudonym);
  get diagnostics affected = row_count;
  counted := counted || jsonb_build_object('invitations', affected);

  delete from tenantry.pending_owners o where o.tenant_id = own and o.email = any (addresses);
  get diagnostics affected = row_count;
  counted := counted || jsonb_build_object('pending_owners', affected);

  -- What is kept to answer the same request again.
  delete from tenantry.onboardings o
   where o.tenant_id = own and o.finished_at is not null
     and (o.actor ->> 'id' = person::text or o.request::text ~* mention);
  get diagnostics affected = row_count;
  counted := counted || jsonb_build_object('onboardings', affected);
  delete from tenantry.idempotency_records r
   where r.tenant_id = own and r.principal in ('user:' || person, 'platformAdmin:' || person);
  get diagnostics affected = row_count;
  counted := counted || jsonb_build_object('idempotency_records', affected);

  update tenantry.api_keys k set digest = null, revoked_at = clock_timestamp()
   where k.tenant_id = own and k.created_by_type = 'user' and k.created_by_id = person::text and k.revoked_at is null;
  get diagnostics affected = row_count;
  counted := counted || jsonb_build_object('api_keys', affected);

  delete from tenantry.role_assignments a where a.tenant_id = own and a.user_id = person;
  get diagnostics affected = row_count;
  counted := counted || jsonb_build_object('role_assignments', affected);
  delete from tenantry.team_members m where m.tenant_id = own and m.user_id = person;
  get diagnostics affected = row_count;
  counted := counted || jsonb_build_object('team_members', affected);
  delete from tenantry.memberships m where m.tenant_id = own and m.user_id = person;
  get diagnostics affected = row_count;
  return counted || jsonb_build_object('memberships', affected);
end $$;

revoke all on function lifecycle.erase_person(uuid) from public;
grant execute on function lifecycle.erase_person(uuid) to tenantry_platform;
`

/** The state of people, when they were last seen, and their erasure from all that an installation keeps. */
export const usersSql = /* sql */ `${tables}
set local role tenantry_directory;
${findAccess.join(';\n')};
${lookUps}
reset role;

set local role tenantry_lifecycle;
${erasure}
reset role;
`
