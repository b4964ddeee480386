/**
 * What is held on a meter for who does not know yet how much it will be. A reservation counts against the limit as long
 * as it is neither settled nor expired, by its row alone; what was used then counts in the period it was reserved in.
 *
 * Outcomes as of `metering.count_events`, and: 11 settled as something else, or already, 12 no such reservation, 13 too many of them.
 */
export const reservationsSql = /* sql */ `
set local role tenantry_metering;

-- Who is not patient fails at once where another holds it.
create function metering.hold_account(tenant uuid, now_at timestamptz, catalogue integer, patient boolean) returns integer
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  ready boolean;
begin
  if not patient then perform from tenantry.usage_accounts u where u.tenant_id = tenant for no key update nowait; end if;
  select u.changes = u.resolved_changes and u.catalogue_revision >= catalogue and (u.next_change_at is null or u.next_change_at > now_at)
    into ready from tenantry.usage_accounts u where u.tenant_id = tenant for no key update;
  return case when ready then 1 when ready is null then 6 else 5 end;
end $$;

create function metering.reserve(
  signature text, patient boolean, at text, catalogue integer, most integer,
  tenant text, id text, key text, meter text, period text, span text, period_ends text, day text, amount text, expires text, details text
) returns table (outcome integer, reservation uuid, expires_at timestamptz, used bigint, held bigint, held_until numeric, included bigint, hard bigint, alerted text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '1s' set enable_seqscan = off as $$
#variable_conflict use_variable
declare
  now_at constant timestamptz := at::timestamptz;
  owner constant uuid := tenant::uuid;
  live integer;
  known tenantry.usage_reservations;
begin
  perform tenancy.require_signed(signature, concat_ws(E'\\x1f', at, catalogue::text, most::text, tenant, id, key, meter, period, span, period_ends, day, amount, expires, details));
  outcome := metering.hold_account(owner, now_at, catalogue, patient);
  if outcome <> 1 then return next; return; end if;

  select coalesce(c.used, 0), l.included,
         metering.limit_at(now_at, l.included, l.grace, l.grace_days, coalesce(c.used, 0), c.over_since, c.over_span, span)
    into used, included, hard
    from tenantry.effective_limits l
    left join tenantry.usage_counters c on c.tenant_id = l.tenant_id and c.meter = l.meter and c.period = reserve.period
   where l.tenant_id = owner and l.meter = reserve.meter;
  if not found then outcome := 5; return next; return; end if;
  held := metering.held_of(owner, meter, period, now_at);

  -- One by one, and the key by the order that its own index has: a plan is made as if the table stayed as empty as it was.
  select r.* into known from tenantry.usage_reservations r where r.tenant_id = owner and r.id = reserve.id::uuid limit 1;
  if not found and key <> '' then
    select r.* into known from tenantry.usage_reservations r where r.tenant_id = owner and r.idempotency_key >= key order by r.idempotency_key limit 1;
    if known.idempotency_key <> key then known := null; end if;
  end if;
  -- One that holds nothing any more, and never counted, leaves its key to the next.
  if known.id <> reserve.id::uuid and (known.state = 'released' or known.state = 'held' and known.expires_at <= now_at) then
    update tenantry.usage_reservations r set idempotency_key = null where r.tenant_id = owner and r.id = known.id;
  elsif known.id is not null then
    outcome := case when known.meter <> meter or known.amount <> amount::bigint then 3
                    when known.id = reserve.id::uuid then 10 when known.state = 'committed' then 11 else 2 end;
    reservation := known.id;
    expires_at := known.expires_at;
    return next; return;
  end if;

  select count(*) into live from tenantry.usage_reservations r
   where r.tenant_id = owner and r.meter = reserve.meter and r.period = reserve.period and r.state = 'held' and r.expires_at > now_at;
  if live >= most then outcome := 13; return next; return; end if;
  if used + held + amount::bigint > hard then
    outcome := 0;
    -- As what is counted does: the end that came by time alone is told by the first that finds it.
    insert into tenantry.usage_alerts (tenant_id, meter, period, limit_version, percent, used, included, hard_limit, raised_at)
    select owner, l.meter, span, l.version, 0, used, included, hard, now_at from tenantry.effective_limits l
     where l.tenant_id = owner and l.meter = reserve.meter and l.grace > 0 and hard = included and used >= greatest(hard, 1)
    on conflict do nothing returning owner::text into alerted;
    held_until := metering.first_end_of(owner, meter, period, now_at);
    return next; return;
  end if;

  insert into tenantry.usage_reservations
    (tenant_id, id, idempotency_key, meter, period, span, period_ends_at, day, amount, state, reserved_at, expires_at, properties)
  values (owner, reserve.id::uuid, nullif(key, ''), meter, period, span, nullif(period_ends, '')::timestamptz, day::date, amount::bigint, 'held',
          now_at, expires::timestamptz, nullif(details, '')::jsonb);
  insert into tenantry.usage_counters as c (tenant_id, meter, period, used, revision, held_until, updated_at)
  values (owner, meter, period, 0, 0, expires::timestamptz, now_at)
  on conflict on constraint usage_counters_pkey do update set held_until = greatest(c.held_until, excluded.held_until);
  held := held + amount::bigint;
  reservation := reserve.id::uuid;
  expires_at := expires::timestamptz;
  return next;
end $$;

-- What was used is counted whatever the limit: it has happened, and was let in before.
create function metering.settle(signature text, patient boolean, at text, catalogue integer, tenant text, id text, event text, amount text)
returns table (outcome integer, reserved bigint, state text, committed bigint, meter text, period text, reserved_at timestamptz,
  alerted text, overs text, used text, revisions text, included text, hard text, held bigint)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '1s' set enable_seqscan = off as $$
#variable_conflict use_variable
declare
  now_at constant timestamptz := at::timestamptz;
  owner constant uuid := tenant::uuid;
  wanted constant text := case when amount = '' then 'released' else 'committed' end;
  given bigint;
  known record;
  counted record;
  counts boolean;
begin
  perform tenancy.require_signed(signature, concat_ws(E'\\x1f', at, catalogue::text, tenant, id, event, amount));
  outcome := metering.hold_account(owner, now_at, catalogue, patient);
  if outcome <> 1 then return next; return; end if;
  select r.* into known from tenantry.usage_reservations r where r.tenant_id = owner and r.id = settle.id::uuid;
  if not found then outcome := 12; return next; return; end if;
  reserved := known.amount;
  given := case amount when '' then null when 'all' then known.amount else amount::bigint end;
  meter := known.meter;
  period := known.period;
  reserved_at := known.reserved_at;
  state := known.state;
  committed := known.committed;
  if state <> 'held' then
    outcome := case when state = wanted and committed is not distinct from given then 2 else 11 end;
  end if;

  -- With nothing to count it tells where the meter stands.
  counts := state = 'held' and coalesce(given, 0) > 0;
  select c.* into counted from metering.count_events(true, false, at, catalogue, array[owner]::text, array[meter]::text, array[period]::text,
    array[known.span]::text, array[known.period_ends_at is null or known.period_ends_at > now_at]::text,
    case when counts then '{1}' else '{}' end, case when counts then array[event]::text else '{}' end,
    case when counts then array['reservation ' || known.id]::text else '{}' end, case when counts then array[given]::text else '{}' end,
    case when counts then '{track}' else '{}' end, case when counts then '{NULL}' else '{}' end, case when counts then array[known.day]::text else '{}' end,
    case when counts then array[known.reserved_at]::text else '{}' end, case when counts then array[known.properties::text]::text else '{}' end) c;
  if counts and counted.outcomes <> '1' then
    outcome := counted.outcomes::integer;
  elsif state = 'held' then
    state := wanted;
    committed := given;
    update tenantry.usage_reservations r set state = wanted, committed = given, settled_at = now_at
     where r.tenant_id = owner and r.id = known.id;
  end if;
  alerted := counted.alerted; overs := counted.overs; used := counted.used;
  revisions := counted.revisions; included := counted.included; hard := counted.hard;
  held := metering.held_of(owner, meter, period, now_at);
  return next;
end $$;

revoke all on function metering.hold_account(uuid, timestamptz, integer, boolean),
  metering.reserve(text, boolean, text, integer, integer, text, text, text, text, text, text, text, text, text, text, text),
  metering.settle(text, boolean, text, integer, text, text, text, text) from public;
grant execute on function metering.reserve(text, boolean, text, integer, integer, text, text, text, text, text, text, text, text, text, text, text),
  metering.settle(text, boolean, text, integer, text, text, text, text) to tenantry_app;
reset role;
`
