/**
 * Limits of what is counted in the transaction that makes it. Whoever adds to a meter holds it until their transaction has
 * ended, so that nobody counts what is not yet committed as missing. It is not the account of the tenant that is held: all
 * that is tracked for the tenant, and what shares its lane, would wait as long as somebody's transaction lasts.
 */
export const roomSql = /* sql */ `
set local role tenantry_metering;

create function metering.room_key(tenant uuid, meter text) returns bigint
language sql immutable set search_path = pg_catalog, pg_temp
return hashtextextended(concat('tenantry room ', room_key.tenant, ' ', room_key.meter), 0);

-- Until the end of the transaction nobody else passes here for the signed tenant and the meter. Who waits keeps a connection
-- of its service: not for long.
create function metering.hold_room(meter text) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '1s' as $$
declare
  owner constant uuid := tenancy.current_tenant();
begin
  if owner is null then raise insufficient_privilege using message = 'room is asked for under the signed context of a tenant'; end if;
  if meter is null then raise invalid_parameter_value using message = 'expected the key of a meter'; end if;
  perform pg_advisory_xact_lock(metering.room_key(owner, meter));
end $$;

-- Whether that many more fit; not ready where the limits must be made first. How many of the product's rows there are then,
-- and alerts for what is reached, are kept with the transaction of the caller or not at all. For the next two alone.
create function metering.room_at(
  meter text, counted bigint, adding bigint, at timestamptz, catalogue integer, span text
) returns table (ready boolean, allowed boolean, used bigint, included bigint, hard bigint, alerted boolean)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  owner constant uuid := tenancy.current_tenant();
  key constant bigint := metering.room_key(owner, meter);
  largest constant bigint := 9007199254740991;
  limited record;
  total bigint;
begin
  if at is null or adding is null or adding not between 0 and largest or counted not between 0 and largest - adding then
    raise invalid_parameter_value using message = 'expected a time, and amounts from 0 to ' || largest;
  end if;
  if current_setting('transaction_isolation') <> 'read committed' then
    raise invalid_transaction_state using message = 'room is asked for at the isolation level read committed: another does not see what was counted meanwhile';
  end if;
  if counted is not null and not exists (
    select from pg_locks l where l.locktype = 'advisory' and l.pid = pg_backend_pid() and l.granted and (l.classid::bigint << 32 | l.objid::bigint) = key
  ) then
    raise object_not_in_prerequisite_state using message = 'call metering.hold_room before counting: what is counted before is outdated';
  end if;
  perform metering.hold_room(meter);

  select l.included, l.included + l.grace as hard, l.version, l.alert_percents, l.counted_from into limited
    from tenantry.usage_accounts u join tenantry.effective_limits l on l.tenant_id = u.tenant_id
   where u.tenant_id = owner and l.meter = room_at.meter and u.changes = u.resolved_changes
     and u.catalogue_revision >= coalesce(catalogue, (select max(r.revision) from tenantry.catalogue_revisions r))
     and (u.next_change_at is null or u.next_change_at > at);
  ready := found;
  if not ready then return next; return; end if;
  if limited.counted_from is null then
    raise invalid_parameter_value using message = format('%s is not counted where it is made', meter);
  end if;
  if (limited.counted_from = 'product') <> (counted is not null) then
    raise invalid_parameter_value using message = format('%s is counted from %s', meter, limited.counted_from);
  end if;

  used := coalesce(counted, metering.standing_of(owner, meter, limited.counted_from, 'total'));
  included := limited.included;
  hard := limited.hard;
  total := used + adding;
  allowed := adding = 0 or hard is null or total <= hard;
  alerted := false;
  if not allowed then return next; return; end if;

  if counted is not null then
    insert into tenantry.usage_counters as c (tenant_id, meter, period, used, revision, updated_at)
    values (owner, meter, 'total', total, 1, at)
    on conflict on constraint usage_counters_pkey
      do update set used = excluded.used, revision = c.revision + 1, updated_at = excluded.updated_at
       where c.used <> excluded.used;
  end if;
  -- One of one is no news: a tenant whose plan has one admin is full with its first.
  if included is not null and adding > 0 and greatest(total, included) > 1 then
    with raised as (
      insert into tenantry.usage_alerts (tenant_id, meter, period, limit_version, percent, used, included, hard_limit, raised_at)
      select owner, meter, coalesce(span, to_char(at at time zone t.timezone, 'YYYY-MM-01')), limited.version, p.percent, total, included, hard, at
        from tenantry.tenants t cross join unnest(limited.alert_percents || 0) p (percent)
       where t.id = owner
         and case when p.percent = 0 then total >= hard and not (used > 0 and used >= hard)
                  else total * 100 >= included * p.percent and not (used > 0 and used * 100 >= included * p.percent) end
      on conflict do nothing
      returning 1)
    select exists (select from raised) into alerted;
  end if;
  return next;
end $$;

-- By the clock of the database, the newest catalogue, and the calendar month of the tenant.
create function metering.require_room(meter text, counted bigint, adding bigint)
returns table (ready boolean, allowed boolean, used bigint, included bigint, hard bigint, alerted boolean)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select * from metering.room_at(meter, counted, adding, clock_timestamp(), null, null);
end $$;

-- By what a process of ours says; for the signed tenant alone.
create function metering.require_room_at(signature text, meter text, counted bigint, adding bigint, at text, catalogue text, span text)
returns table (ready boolean, allowed boolean, used bigint, included bigint, hard bigint, alerted boolean)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- Without the values that are null the others would stand in each other's place.
  if num_nulls(meter, at, catalogue, span) > 0 then
    raise invalid_parameter_value using message = 'expected a meter, a time, a catalogue and a span';
  end if;
  perform tenancy.require_signed(signature, concat_ws(E'\\x1f', 'room', tenancy.current_tenant()::text, meter, at, catalogue, span));
  return query select * from metering.room_at(meter, counted, adding, at::timestamptz, catalogue::integer, span);
end $$;

revoke all on function metering.room_key(uuid, text), metering.hold_room(text),
  metering.room_at(text, bigint, bigint, timestamptz, integer, text), metering.require_room(text, bigint, bigint),
  metering.require_room_at(text, text, bigint, bigint, text, text, text) from public;
grant execute on function metering.hold_room(text), metering.require_room(text, bigint, bigint),
  metering.require_room_at(text, text, bigint, bigint, text, text, text) to tenantry_app, tenantry_platform;
reset role;
`
