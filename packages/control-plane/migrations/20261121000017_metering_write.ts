/**
 * The one way that usage is written, which the functions that are called under a signature share: any number of events, of
 * any number of tenants, in one call. Two steps under READ COMMITTED, where a statement sees what was committed before it
 * began: first the accounts of the tenants are held, in one order, then new statements look at what is there. Values that
 * belong together come as arrays of one length, as texts, so that one signature stands for all of them where they come from
 * outside. Everything is looked up by index, whatever the planner believes of tables that are new: no joins but by rows.
 *
 * What has the key of an earlier item of its tenant comes as `again` or `set_again`: it is never counted.
 *
 * Outcomes: 0 over the limit, 1 counted, 2 duplicate, 3 another event has the key, 4 the account is held by another,
 * 5 the limits must be made first, 6 no such tenant, 7 below zero, 8 more than can be told exactly, 9 older than what
 * the gauge was set to, 10 counted by an earlier try of this call, 20 what the first with its key is answered.
 */
export const meteringWriteSql = /* sql */ `
set local role tenantry_metering;

-- Grace is given some days from when what is included was first passed, once in a span.
create function metering.limit_at(
  now_at timestamptz, included bigint, grace bigint, grace_days integer, used bigint, over_since timestamptz, over_span text, span text
) returns bigint language sql stable
return included + case when over_since is null or over_since + grace_days * interval '1 day' > now_at
                         or (used <= included and over_span is distinct from span) then grace else 0 end;

-- What is reserved on a meter by those who have not said yet what they used.
create function metering.held_of(tenant uuid, meter text, period text, now_at timestamptz) returns bigint
language sql stable set search_path = pg_catalog, pg_temp
return (select coalesce(sum(r.amount), 0)::bigint from tenantry.usage_reservations r
         where r.tenant_id = held_of.tenant and r.meter = held_of.meter and r.period = held_of.period and r.state = 'held' and r.expires_at > now_at);

-- When the first of it expires, in seconds since 1970.
create function metering.first_end_of(tenant uuid, meter text, period text, now_at timestamptz) returns numeric
language sql stable set search_path = pg_catalog, pg_temp
return (select extract(epoch from min(r.expires_at)) from tenantry.usage_reservations r
         where r.tenant_id = first_end_of.tenant and r.meter = first_end_of.meter and r.period = first_end_of.period
           and r.state = 'held' and r.expires_at > now_at);

create function metering.count_events(
  patient boolean, repeated boolean, at text, catalogue integer,
  tenants text, meters text, periods text, spans text, current text,
  targets text, ids text, keys text, amounts text, modes text, sequences text, days text, occurred text, details text
) returns table (outcomes text, firsts text, alerted text, overs text, used text, revisions text, included text, hard text, held text, held_ends text)
language plpgsql volatile set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  now_at constant timestamptz := at::timestamptz;
  today constant date := (now_at at time zone 'UTC')::date;
  t_tenant uuid[] := tenants::uuid[];
  t_meter text[] := meters::text[];
  t_period text[] := periods::text[];
  t_span text[] := spans::text[];
  t_current boolean[] := current::boolean[];
  t_state integer[];
  t_base bigint[];
  t_revision bigint[];
  t_over_since timestamptz[];
  t_over_span text[];
  t_sequence bigint[];
  t_included bigint[];
  t_hard bigint[];
  t_held bigint[];
  -- A hundred times what the first alert comes at; null is never.
  t_near bigint[];
  t_ended integer[];
  e_target integer[] := targets::integer[];
  e_id uuid[] := ids::uuid[];
  e_key text[] := keys::text[];
  e_amount bigint[] := amounts::bigint[];
  e_mode text[] := modes::text[];
  e_sequence bigint[] := sequences::bigint[];
  e_day date[] := days::date[];
  e_occurred timestamptz[] := occurred::timestamptz[];
  e_details text[] := details::text[];
  e_decided integer[] := array_fill(null::integer, array[cardinality(e_target)]);
  largest constant bigint := 9007199254740991;
  locked uuid[];
  ready uuid[];
  all_ready boolean;
  refused integer[];
  changed integer[];
  changed_to bigint[];
  is_near boolean;
  tight integer;
  event record;
  running bigint;
  last_sequence bigint;
begin
  if patient then
    select array_agg(a.tenant_id), array_agg(a.tenant_id) filter (where a.ready) into locked, ready from (
      select u.tenant_id, u.changes = u.resolved_changes and u.catalogue_revision >= catalogue
             and (u.next_change_at is null or u.next_change_at > now_at) as ready
        from tenantry.usage_accounts u where u.tenant_id = any (t_tenant) order by u.tenant_id for no key update) a;
  else
    select array_agg(a.tenant_id), array_agg(a.tenant_id) filter (where a.ready) into locked, ready from (
      select u.tenant_id, u.changes = u.resolved_changes and u.catalogue_revision >= catalogue
             and (u.next_change_at is null or u.next_change_at > now_at) as ready
        from tenantry.usage_accounts u where u.tenant_id = any (t_tenant) order by u.tenant_id for no key update skip locked) a;
  end if;

  all_ready := cardinality(ready) = (select count(distinct t) from unnest(t_tenant) t);
  select array_agg(case when q.locked and q.limited then 1 when q.locked then 5
                        when exists (select from tenantry.usage_accounts u where u.tenant_id = q.tenant) then 4 else 6 end order by q.n),
         array_agg(q.used order by q.n), array_agg(q.revision order by q.n), array_agg(q.over_since order by q.n),
         array_agg(q.over_span order by q.n), array_agg(q.sequence order by q.n), array_agg(q.included order by q.n),
         array_agg(metering.limit_at(now_at, q.included, q.grace, q.grace_days, q.used, q.over_since, q.over_span, q.span) order by q.n),
         array_agg(q.held order by q.n), array_agg(q.near order by q.n),
         -- Where the end has come by time alone: grace is over.
         array_agg(q.n) filter (where q.over_since is not null and q.grace > 0 and q.used >= greatest(q.included, 1)
           and metering.limit_at(now_at, q.included, q.grace, q.grace_days, q.used, q.over_since, q.over_span, q.span) = q.included)
    into t_state, t_base, t_revision, t_over_since, t_over_span, t_sequence, t_included, t_hard, t_held, t_near, t_ended
    from (
      select t.n, t.tenant, t.span, all_ready or t.tenant = any (locked) as locked, (all_ready or t.tenant = any (ready)) and l.tenant_id is not null as limited,
             coalesce(c.used, 0) as used, coalesce(c.revision, 0) as revision, c.over_since, c.over_span, c.sequence,
             case when c.held_until > now_at
                  then metering.held_of(t.tenant, t.meter, t.period, now_at) else 0 end as held,
             l.included, l.grace, l.grace_days, l.included * least(l.alert_percents[1], 100) as near
        from unnest(t_tenant, t_meter, t_period, t_span) with ordinality t (tenant, meter, period, span, n)
        -- Looked up one by one: while a table is new, joins would be planned as if it stayed empty.
        left join lateral (select x.* from tenantry.effective_limits x where x.tenant_id = t.tenant and x.meter = t.meter limit 1) l on true
        left join lateral (select x.* from tenantry.usage_counters x
                            where x.tenant_id = t.tenant and x.meter = t.meter and x.period = t.period limit 1) c on true
    ) q;

  if repeated then
    for event in
      select e.n::integer as n from unnest(e_target, e_id) with ordinality e (target, id, n)
       where exists (select from tenantry.usage_events u
               where u.tenant_id = t_tenant[e.target] and u.id = e.id and u.received_on between today - 1 and today + 1)
    loop
      e_decided[event.n] := 10;
    end loop;
  end if;

  -- Where all fits whatever is a duplicate, nothing has to be counted one by one.
  for tight in
    select e.target from unnest(e_target, e_amount, e_mode) e (target, amount, mode)
     where t_state[e.target] = 1
     group by e.target
    having bool_or(e.mode = 'set') or t_base[e.target] + sum(least(e.amount, 0)) < 0
        or t_base[e.target] + sum(greatest(e.amount, 0)) > least(largest, case when bool_or(e.mode = 'consume') then t_hard[e.target] - t_held[e.target] end)
  loop
    running := t_base[tight];
    last_sequence := t_sequence[tight];
    for event in
      select e.n::integer as n, e.amount, e.mode, e.sequence
        from unnest(e_target, e_key, e_amount, e_mode, e_sequence) with ordinality e (target, key, amount, mode, sequence, n)
       where e.target = tight and e_decided[e.n] is null and e.mode not like '%again'
         and (e.key is null or not exists (select from tenantry.usage_events u
               where u.tenant_id = t_tenant[tight] and u.idempotency_key = e.key and u.received_on between today - 32 and today + 1))
       order by e.n
    loop
      if event.mode = 'set' then
        if event.sequence < last_sequence then e_decided[event.n] := 9; continue; end if;
        last_sequence := coalesce(event.sequence, last_sequence);
        event.amount := event.amount - running;
        e_amount[event.n] := event.amount;
      end if;
      if running + event.amount < 0 then e_decided[event.n] := 7;
      elsif running + event.amount > largest then e_decided[event.n] := 8;
      elsif event.mode = 'consume' and event.amount > 0 and running + event.amount > t_hard[tight] - t_held[tight] then e_decided[event.n] := 0;
      else running := running + event.amount;
      end if;
    end loop;
  end loop;

  with judged as materialized (
    select e.n, e.target, e.id, e.key, e.amount, e.sequence, e.day, e.occurred, e.details, k.period as first_period, k.occurred_at as first_occurred,
           case when t_state[e.target] <> 1 then t_state[e.target]
                when e_decided[e.n] = 10 or k.id = e.id then 10
                when k.id is null then case when e.mode like '%again' then 20 else coalesce(e_decided[e.n], 1) end
                when k.meter = t_meter[e.target] and (e.mode in ('set', 'set_again') or k.amount = e.amount) then 2
                else 3
           end as outcome
      from unnest(e_target, e_id, e_key, e_amount, e_mode, e_sequence, e_day, e_occurred, e_details)
           with ordinality e (target, id, key, amount, mode, sequence, day, occurred, details, n)
      left join lateral (
        select u.id, u.meter, u.amount, u.period, u.occurred_at from tenantry.usage_events u
         where u.tenant_id = t_tenant[e.target] and u.idempotency_key = e.key and u.received_on between today - 32 and today + 1
         limit 1
      ) k on t_state[e.target] = 1
  ),
  after as materialized (
    select s.target, s.total, greatest(s.sequence, t_sequence[s.target]) as sequence,
           case when s.is_over then now_at else t_over_since[s.target] end as over_since,
           case when s.is_over then t_span[s.target] else t_over_span[s.target] end as over_span
      from (select a.*, a.total > t_included[a.target] and (t_over_since[a.target] is null
                     or t_base[a.target] <= t_included[a.target] and t_over_span[a.target] is distinct from t_span[a.target]) as is_over
              from (select j.target, t_base[j.target] + sum(j.amount)::bigint as total, max(j.sequence) as sequence
                      from judged j where j.outcome = 1 group by j.target) a) s
  ),
  events as (
    insert into tenantry.usage_events (tenant_id, id, received_on, idempotency_key, meter, period, amount, occurred_at, received_at, properties)
    select t_tenant[j.target], j.id, today, j.key, t_meter[j.target], t_period[j.target], j.amount, j.occurred, now_at, j.details::jsonb
      from judged j where j.outcome = 1
  ),
  counters as (
    insert into tenantry.usage_counters as c (tenant_id, meter, period, used, revision, over_since, over_span, sequence, updated_at)
    select t_tenant[a.target], t_meter[a.target], t_period[a.target], a.total, t_revision[a.target] + 1, a.over_since, a.over_span, a.sequence, now_at
      from after a
    on conflict on constraint usage_counters_pkey
      do update set used = excluded.used, revision = excluded.revision, over_since = excluded.over_since, over_span = excluded.over_span,
                    sequence = excluded.sequence, updated_at = excluded.updated_at
  ),
  daily as (
    insert into tenantry.usage_daily as d (tenant_id, meter, day, used, events)
    select t_tenant[j.target], t_meter[j.target], j.day, sum(j.amount), count(*) from judged j where j.outcome = 1 group by 1, 2, 3
    on conflict on constraint usage_daily_pkey do update set used = d.used + excluded.used, events = d.events + excluded.events
  )
  select j.outcomes, j.firsts, j.refused, a.targets, a.totals, a.is_near, a.overs
    into outcomes, firsts, refused, changed, changed_to, is_near, overs
    from (select string_agg(j.outcome::text, ',' order by j.n) as outcomes, array_agg(j.target) filter (where j.outcome = 0) as refused,
                 string_agg(concat_ws(':', j.n, extract(epoch from j.first_occurred), coalesce((
                   select c.used from tenantry.usage_counters c where j.first_period <> t_period[j.target]
                      and c.tenant_id = t_tenant[j.target] and c.meter = t_meter[j.target] and c.period = j.first_period), -1), j.first_period), ','
                   order by j.n) filter (where j.outcome = 2) as firsts
            from judged j) j,
         (select array_agg(a.target) as targets, array_agg(a.total) as totals, bool_or(t_current[a.target] and a.total * 100 >= t_near[a.target]) as is_near,
                 string_agg(concat_ws(':', a.target, extract(epoch from a.over_since), a.over_span), ',') filter (where a.over_since is not null) as overs
            from after a) a;

  if is_near or t_ended is not null then
    with raised as (
      insert into tenantry.usage_alerts (tenant_id, meter, period, limit_version, percent, used, included, hard_limit, raised_at)
      select l.tenant_id, l.meter, t_span[a.target], l.version, p.percent, a.total, l.included, t_hard[a.target], now_at
        from unnest(changed, changed_to) a (target, total)
        cross join lateral (select x.* from tenantry.effective_limits x where x.tenant_id = t_tenant[a.target] and x.meter = t_meter[a.target] limit 1) l
        cross join lateral unnest(l.alert_percents || 0) p (percent)
       where t_current[a.target] and a.total > t_base[a.target]
         and case when p.percent = 0 then a.total >= t_hard[a.target] and not (t_base[a.target] > 0 and t_base[a.target] >= t_hard[a.target])
                  else a.total * 100 >= l.included * p.percent and not (t_base[a.target] > 0 and t_base[a.target] * 100 >= l.included * p.percent) end
      union all
      select l.tenant_id, l.meter, t_span[e.target], l.version, 0, e.total, l.included, t_hard[e.target], now_at
        from (select u.target, coalesce(changed_to[array_position(changed, u.target)], t_base[u.target]) as total from unnest(t_ended) u (target)
               where t_current[u.target] and (u.target = any (changed) or u.target = any (refused))) e
        cross join lateral (select x.* from tenantry.effective_limits x where x.tenant_id = t_tenant[e.target] and x.meter = t_meter[e.target] limit 1) l
       where e.total >= greatest(t_hard[e.target], 1)
      on conflict do nothing
      returning tenant_id
    )
    select string_agg(distinct r.tenant_id::text, ',') into alerted from raised r;
  end if;
  used := array_to_string(t_base, ',', '');
  revisions := array_to_string(t_revision, ',', '');
  included := array_to_string(t_included, ',', '');
  hard := array_to_string(t_hard, ',', '');
  held := array_to_string(t_held, ',', '');
  if 0 < any (t_held) then
    held_ends := (select string_agg(coalesce(metering.first_end_of(t_tenant[h.n], t_meter[h.n], t_period[h.n], now_at)::text, ''), ',' order by h.n)
                    from generate_subscripts(t_held, 1) h (n));
  end if;
  return next;
end $$;

create function metering.write(
  signature text, patient boolean, repeated boolean, at text, catalogue integer,
  tenants text, meters text, periods text, spans text, current text,
  targets text, ids text, keys text, amounts text, modes text, sequences text, days text, occurred text, details text
) returns table (outcomes text, firsts text, alerted text, overs text, used text, revisions text, included text, hard text, held text, held_ends text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform tenancy.require_signed(signature, concat_ws(E'\\x1f', at, catalogue::text, tenants, meters, periods, spans, current,
    targets, ids, keys, amounts, modes, sequences, days, occurred, details));
  return query select * from metering.count_events(patient, repeated, at, catalogue, tenants, meters, periods, spans, current,
    targets, ids, keys, amounts, modes, sequences, days, occurred, details);
end $$;

reset role;
`
