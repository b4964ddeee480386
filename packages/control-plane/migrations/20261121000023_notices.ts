/** Mails to those who run a tenant, which go to nobody who has left by the time they go out. */
export const noticesSql = /* sql */ `
alter table tenantry.mails add recipient_id uuid null, add about varchar(200) null;
grant update (recipient) on tenantry.mails to tenantry_platform;

set local role tenantry_directory;

-- Owners and admins of the signed tenant itself who may sign in: all of them, or that one. Addresses are verified: no other
-- is ever kept.
create function directory.list_stewards(person uuid)
returns table (user_id uuid, email text)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select m.user_id, u.email_key
    from tenantry.memberships m join tenantry.users u on u.id = m.user_id
   where m.tenant_id = (select tenancy.current_tenant()) and m.role in ('owner', 'admin') and u.state = 'active'
     and (person is null or m.user_id = person)
   order by m.user_id;
end;

revoke all on function directory.list_stewards(uuid) from public;
grant execute on function directory.list_stewards(uuid) to tenantry_platform;
reset role;
`
