/**
 * The only way usage is written. The tenant comes from the signed context, never from an argument. A key that is taken
 * waits for the transaction that holds it, so that two tries of one event cannot both count. Rows are locked in one
 * order, key, counter, day, so that no two calls wait for each other.
 */
export const meteringSql = /* sql */ `
set local role tenantry_metering;

create function metering.track(
  event_id uuid, meter text, amount bigint, event_key text, occurred_at timestamptz, received_at timestamptz,
  period text, day date, properties jsonb
) returns table (outcome text, used bigint, revision bigint, counted_in text, happened_at timestamptz)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  tenant uuid := tenancy.current_tenant();
  counted record;
begin
  if tenant is null then
    raise insufficient_privilege using message = 'usage needs a signed tenant context';
  end if;
  insert into tenantry.usage_events (tenant_id, id, idempotency_key, meter, period, amount, occurred_at, received_at, properties)
  values (tenant, event_id, event_key, track.meter, track.period, track.amount, track.occurred_at, track.received_at, track.properties)
  on conflict on constraint usage_events_tenant_id_idempotency_key_unique do nothing;
  if not found then
    return query
    select case when e.meter = track.meter and e.amount = track.amount then 'duplicate' else 'conflict' end,
           c.used, c.revision, e.period::text, e.occurred_at
      from tenantry.usage_events e
      join tenantry.usage_counters c on c.tenant_id = e.tenant_id and c.meter = e.meter and c.period = e.period
     where e.tenant_id = tenant and e.idempotency_key = event_key;
    return;
  end if;
  insert into tenantry.usage_counters as c (tenant_id, meter, period, used, revision, updated_at)
  values (tenant, track.meter, track.period, track.amount, 1, track.received_at)
  on conflict on constraint usage_counters_pkey
    do update set used = c.used + excluded.used, revision = c.revision + 1, updated_at = excluded.updated_at
  returning c.used, c.revision into counted;
  if counted.used < 0 then
    raise sqlstate 'TN001' using message = 'the gauge would fall below zero', detail = (counted.used - track.amount)::text;
  end if;
  insert into tenantry.usage_daily as d (tenant_id, meter, day, used, events)
  values (tenant, track.meter, track.day, track.amount, 1)
  on conflict on constraint usage_daily_pkey do update set used = d.used + excluded.used, events = d.events + 1;
  return query select 'accepted', counted.used, counted.revision, track.period, track.occurred_at;
end $$;

revoke all on all functions in schema metering from public;
grant usage on schema metering to tenantry_app, tenantry_platform;
grant execute on function metering.track(uuid, text, bigint, text, timestamptz, timestamptz, text, date, jsonb) to tenantry_app, tenantry_platform;
reset role;
`
