/** Who asked for a limit, whom the decision is mailed to as long as they reach the tenant; and requests of all tenants in a list. */
export const askedSql = /* sql */ `
alter table tenantry.limit_requests add requested_by_type varchar(20) null, add requested_by_id varchar(200) null;
create index limit_requests_id_index on tenantry.limit_requests (id);
create index limit_requests_state_id_index on tenantry.limit_requests (state, id);
create index limit_requests_requested_by_id_index on tenantry.limit_requests (requested_by_id);

alter table tenantry.mails add recipient_kind text not null default 'steward';
alter table tenantry.mails add constraint mails_recipient_kind_check check (recipient_kind in ('steward', 'member'));

set local role tenantry_directory;

-- That person, where they may sign in and reach the signed tenant by whatever they hold there. Addresses are verified: no
-- other is ever kept.
create function directory.find_reader(person uuid)
returns table (user_id uuid, email text)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select u.id, u.email_key
    from directory.find_holdings(array[person]) held join tenantry.users u on u.id = held.user_id
   where held.is_active;
end;

revoke all on function directory.find_reader(uuid) from public;
grant execute on function directory.find_reader(uuid) to tenantry_platform;
reset role;
`
