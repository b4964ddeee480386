/**
 * Invitations, as the entity declares them, and mails whose secret links are kept encrypted until they are sent. No
 * serving role can read the digest of a token: an invitation is found only by who holds its token, under a signed context
 * that names the digest, through `directory.find_invitation`.
 */
export const invitationsSql = /* sql */ `
alter table tenantry.mails add sealed text null, add sender_id varchar(200) null;
grant update (sealed) on tenantry.mails to tenantry_platform;
create index mails_tenant_id_created_at_index on tenantry.mails (tenant_id, created_at);

create table tenantry.invitations (tenant_id uuid not null, id uuid not null, email varchar(320) not null, role text not null, role_ids uuid[] not null default '{}', state text not null default 'pending', token_digest varchar(64) not null, sends int not null default 1, invited_by_type varchar(20) not null, invited_by_id varchar(200) not null, invited_by_name varchar(320) not null, created_at timestamptz not null, sent_at timestamptz not null, expires_at timestamptz not null, accepted_at timestamptz null, accepted_by uuid null, revoked_at timestamptz null, primary key (tenant_id, id));
create unique index invitations_pending_unique on tenantry.invitations (tenant_id, email) where state = 'pending';
create index invitations_token_digest_index on tenantry.invitations (token_digest);
create index invitations_expires_at_index on tenantry.invitations (expires_at);
alter table tenantry.invitations add constraint invitations_role_check check (role in ('owner', 'admin', 'member', 'viewer'));
alter table tenantry.invitations add constraint invitations_state_check check (state in ('pending', 'accepted', 'revoked', 'expired'));
alter table tenantry.invitations add constraint invitations_email_lower_check check (email::text = lower(email::text));
alter table tenantry.invitations enable row level security;
alter table tenantry.invitations force row level security;
create policy tenant_isolation on tenantry.invitations to tenantry_app using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy platform_tenant on tenantry.invitations to tenantry_platform using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy platform_read on tenantry.invitations for select to tenantry_platform using ((select tenancy.current_operator()) is not null);
create policy tenant_purge on tenantry.invitations to tenantry_lifecycle using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy signed_token on tenantry.invitations for select to tenantry_directory using ('invitation:' || token_digest = (select tenancy.current_identity()));
create policy expired on tenantry.invitations to tenantry_jobs using (expires_at < (now() - '90 days'::interval));
alter table tenantry.invitations add constraint invitations_tenant_fk foreign key (tenant_id) references tenantry.tenants (id);

grant select (tenant_id, id, email, role, role_ids, state, sends, invited_by_type, invited_by_id, invited_by_name, created_at, sent_at, expires_at, accepted_at, accepted_by, revoked_at) on tenantry.invitations to tenantry_app, tenantry_platform;
grant insert, update (state, token_digest, sends, invited_by_type, invited_by_id, invited_by_name, sent_at, expires_at, accepted_at, accepted_by, revoked_at) on tenantry.invitations to tenantry_app, tenantry_platform;
grant select on tenantry.invitations to tenantry_directory;
grant select, delete on tenantry.invitations to tenantry_jobs, tenantry_lifecycle;
grant insert on tenantry.memberships to tenantry_app;

set local role tenantry_directory;

-- The policy shows the invitation of the signed token and no other.
create function directory.find_invitation()
returns table (tenant_id uuid, tenant_name text, id uuid, state text, expires_at timestamptz, sends integer, inviter_name text)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select i.tenant_id, t.name::text, i.id, i.state, i.expires_at, i.sends, i.invited_by_name::text
    from tenantry.invitations i join tenantry.tenants t on t.id = i.tenant_id
   where i.token_digest = split_part((select tenancy.current_identity()), ':', 2) and t.status <> 'purged';
end;

revoke all on function directory.find_invitation() from public;
grant execute on function directory.find_invitation() to tenantry_app;
reset role;
`
