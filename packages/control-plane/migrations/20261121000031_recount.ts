/**
 * A counter that lost count of its events is made to stand at their sum again. It alone is written: events and days have
 * lost nothing, and all three are equal then.
 */
export const recountSql = /* sql */ `
set local role tenantry_metering;

-- Outcomes as of metering.count_events.
create function metering.recount(
  signature text, patient boolean, at text, catalogue integer, tenant text, meter text, period text, span text, since text
) returns table (outcome integer, drift bigint, used bigint, revision bigint, over_since timestamptz, over_span text, alerted boolean)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '1s' set enable_seqscan = off as $$
#variable_conflict use_variable
declare
  now_at constant timestamptz := at::timestamptz;
  owner constant uuid := tenant::uuid;
  largest constant bigint := 9007199254740991;
  lost numeric;
  known record;
  hard bigint;
begin
  -- Without the values that are null the others would stand in each other's place.
  if num_nulls(at, catalogue, tenant, meter, period, span, since) > 0 then
    raise invalid_parameter_value using message = 'expected a time, a catalogue, a tenant, a meter, a period, a span and its beginning';
  end if;
  perform tenancy.require_signed(signature, concat_ws(E'\\x1f', at, catalogue::text, tenant, meter, period, span, since));
  -- Of two that recount the same, the second finds nothing lost.
  perform pg_advisory_xact_lock(hashtextextended(concat('tenantry recount ', owner, ' ', meter), 0));
  -- Of one instant, and before the account is held: whatever is counted after it is added to both, and waits for no sum.
  select coalesce((select sum(e.amount) from tenantry.usage_events e
                    where e.tenant_id = owner and e.meter = recount.meter and e.period = recount.period
                      and e.received_on >= (since::timestamptz - interval '1 day')::date), 0)
         - coalesce((select c.used from tenantry.usage_counters c
                      where c.tenant_id = owner and c.meter = recount.meter and c.period = recount.period), 0)
    into lost;
  outcome := metering.hold_account(owner, now_at, catalogue, patient);
  if outcome <> 1 then return next; return; end if;

  select coalesce(c.used, 0) as base, coalesce(c.revision, 0) as revision, c.over_since, c.over_span,
         l.included, l.grace, l.grace_days, l.version, l.alert_percents as percents
    into known
    from tenantry.effective_limits l
    left join tenantry.usage_counters c on c.tenant_id = l.tenant_id and c.meter = l.meter and c.period = recount.period
   where l.tenant_id = owner and l.meter = recount.meter;
  if not found then outcome := 5; return next; return; end if;
  if known.base + lost not between 0 and largest then outcome := 8; return next; return; end if;
  drift := lost;
  used := known.base + drift;
  revision := known.revision;
  over_since := known.over_since;
  over_span := known.over_span;
  alerted := false;
  if drift = 0 then return next; return; end if;

  if used > known.included and (over_since is null or known.base <= known.included and over_span is distinct from span) then
    over_since := now_at;
    over_span := span;
  end if;
  revision := revision + 1;
  insert into tenantry.usage_counters as c (tenant_id, meter, period, used, revision, over_since, over_span, updated_at)
  values (owner, meter, period, used, revision, over_since, over_span, now_at)
  on conflict on constraint usage_counters_pkey
    do update set used = excluded.used, revision = excluded.revision, over_since = excluded.over_since, over_span = excluded.over_span,
                  updated_at = excluded.updated_at;
  if drift > 0 and known.included is not null then
    hard := metering.limit_at(now_at, known.included, known.grace, known.grace_days, used, over_since, over_span, span);
    with raised as (
      insert into tenantry.usage_alerts (tenant_id, meter, period, limit_version, percent, used, included, hard_limit, raised_at)
      select owner, meter, span, known.version, p.percent, used, known.included, hard, now_at
        from unnest(known.percents || 0) p (percent)
       where case when p.percent = 0 then used >= hard else used * 100 >= known.included * p.percent end
      on conflict do nothing
      returning 1)
    select exists (select from raised) into alerted;
  end if;
  return next;
end $$;

revoke all on function metering.recount(text, boolean, text, integer, text, text, text, text, text) from public;
grant execute on function metering.recount(text, boolean, text, integer, text, text, text, text, text) to tenantry_app;
reset role;
`
