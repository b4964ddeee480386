/** How limits come to be: read with what they are made of, made by the service, and kept if nothing changed meanwhile. */
const limits = /* sql */ `
-- Null where another is in force, which only a service may replace.
create function metering.enter_catalogue(signature text, digest text, at text, replaces text) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  latest record;
begin
  perform tenancy.require_signed(signature, concat_ws(E'\\x1f', digest, at, replaces));
  perform pg_advisory_xact_lock(hashtextextended('tenantry catalogue', 0));
  select r.revision, r.digest into latest from tenantry.catalogue_revisions r order by r.revision desc limit 1;
  if latest.digest = enter_catalogue.digest then return latest.revision; end if;
  if latest.revision is not null and replaces is distinct from 'true' then return null; end if;
  insert into tenantry.catalogue_revisions (revision, digest, entered_at)
  values (coalesce(latest.revision, 0) + 1, enter_catalogue.digest, enter_catalogue.at::timestamptz);
  return coalesce(latest.revision, 0) + 1;
end $$;

create function metering.limit_sources(signature text, tenants text)
returns table (tenant_id uuid, changes bigint, plan text, timezone text, former_timezones jsonb, created_at timestamptz, overrides jsonb)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform tenancy.require_signed(signature, tenants);
  return query
  select a.tenant_id, a.changes, t.plan::text, t.timezone::text, t.former_timezones, t.created_at,
         coalesce((select jsonb_agg(jsonb_build_object('meter', o.meter, 'value', o.value, 'expiresAt', o.expires_at))
                     from tenantry.limit_overrides o where o.tenant_id = a.tenant_id), '[]')
    from tenantry.usage_accounts a join tenantry.tenants t on t.id = a.tenant_id
   where a.tenant_id = any (tenants::uuid[]);
end $$;

-- What a meter without a period stands at: our own rows where it counts them, else what is kept of it.
create function metering.standing_of(tenant uuid, meter text, counted_from text, period text) returns bigint
language sql stable set search_path = pg_catalog, pg_temp
return case standing_of.counted_from
  when 'memberships' then (select count(*) from tenantry.memberships m
                            where m.tenant_id = standing_of.tenant and (standing_of.meter <> 'admins' or m.role in ('owner', 'admin')))
  when 'teams' then (select count(*) from tenantry.teams t where t.tenant_id = standing_of.tenant)
  when 'roles' then (select count(*) from tenantry.custom_roles r where r.tenant_id = standing_of.tenant)
  else coalesce((select c.used from tenantry.usage_counters c
                  where c.tenant_id = standing_of.tenant and c.meter = standing_of.meter and c.period = standing_of.period), 0)
end;

-- A change that came in the meantime is the next call's: what was made of the old is left alone.
create function metering.save_limits(
  signature text, patient boolean, at text, catalogue integer, tenants text, changes text, next_changes text,
  owners text, meters text, included text, graces text, grace_days text, percents text, sources text, counted_from text, periods text, spans text
) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  now_at constant timestamptz := at::timestamptz;
  held uuid[];
  saved uuid[];
  alerted text;
begin
  perform tenancy.require_signed(signature, concat_ws(E'\\x1f', at, catalogue::text, tenants, changes, next_changes,
    owners, meters, included, graces, grace_days, percents, sources, counted_from, periods, spans));
  if patient then
    select array_agg(h.tenant_id) into held from (
      select a.tenant_id from tenantry.usage_accounts a where a.tenant_id = any (tenants::uuid[]) order by a.tenant_id for no key update) h;
  else
    select array_agg(h.tenant_id) into held from (
      select a.tenant_id from tenantry.usage_accounts a where a.tenant_id = any (tenants::uuid[]) order by a.tenant_id for no key update skip locked) h;
  end if;
  -- Of another catalogue too, while processes of two are there: each makes them anew when it finds those of an older one.
  with kept as (
    update tenantry.usage_accounts a set resolved_changes = a.changes, catalogue_revision = save_limits.catalogue, next_change_at = g.next_change_at
      from unnest(tenants::uuid[], save_limits.changes::bigint[], next_changes::timestamptz[]) g (tenant_id, changes, next_change_at)
     where a.tenant_id = g.tenant_id and a.changes = g.changes and a.tenant_id = any (held)
    returning a.tenant_id)
  select array_agg(k.tenant_id) into saved from kept k;

  with given as (
    select g.* from unnest(owners::uuid[], meters::text[], included::bigint[], graces::bigint[], grace_days::int[], percents::text[], sources::text[], save_limits.counted_from::text[], periods::text[], spans::text[])
             g (tenant_id, meter, included, grace, grace_days, percents, source, counted_from, period, span)
     where g.tenant_id = any (saved)),
  written as (
    insert into tenantry.effective_limits as l (tenant_id, meter, included, grace, grace_days, alert_percents, source, counted_from, version)
    select g.tenant_id, g.meter, g.included, g.grace, g.grace_days, g.percents::int[], g.source, g.counted_from, 1 from given g
    on conflict on constraint effective_limits_pkey
      do update set included = excluded.included, grace = excluded.grace, grace_days = excluded.grace_days, alert_percents = excluded.alert_percents,
                    source = excluded.source, counted_from = excluded.counted_from, version = l.version + 1
       where (l.included, l.grace, l.grace_days, l.alert_percents, l.source, l.counted_from)
             is distinct from (excluded.included, excluded.grace, excluded.grace_days, excluded.alert_percents, excluded.source, excluded.counted_from)
    returning l.*),
  -- What is used already stands at once where it stands under the new limit. One of one is no news, as where room is asked for.
  alerts as (
    insert into tenantry.usage_alerts (tenant_id, meter, period, limit_version, percent, used, included, hard_limit, raised_at, announced_at)
    -- A threshold that was told in this span, and is still passed, is no news.
    select w.tenant_id, w.meter, g.span, w.version, p.percent, c.used, w.included, h.hard, now_at,
           (select now_at from tenantry.usage_alerts x where x.tenant_id = w.tenant_id and x.meter = w.meter and x.period = g.span
               and x.percent = p.percent and x.percent > 0 and x.announced_at is not null limit 1)
      from written w join given g on g.tenant_id = w.tenant_id and g.meter = w.meter
      cross join lateral (select metering.standing_of(w.tenant_id, w.meter, w.counted_from, g.period) as used offset 0) c
      left join lateral (select x.over_since, x.over_span from tenantry.usage_counters x
                          where x.tenant_id = w.tenant_id and x.meter = w.meter and x.period = g.period limit 1) o on true
      cross join lateral (select metering.limit_at(now_at, w.included, w.grace, w.grace_days, c.used, o.over_since, o.over_span, g.span) as hard) h
      cross join unnest(w.alert_percents || 0) p (percent)
     where w.included is not null and c.used > 0 and (w.counted_from is null or greatest(c.used, w.included) > 1)
       and case when p.percent = 0 then c.used >= h.hard else c.used * 100 >= w.included * p.percent end
    on conflict do nothing
    returning tenant_id, announced_at)
  select string_agg(distinct tenant_id::text, ',') into alerted from alerts where announced_at is null;
  return alerted;
end $$;

-- Alerts of the signed tenant that nobody was told of yet; whoever takes them tells, in the same transaction. Another who
-- comes meanwhile waits: what was raised together is taken together.
create function metering.take_alerts(at timestamptz)
returns table (meter text, period text, limit_version integer, percent integer, used bigint, included bigint, hard_limit bigint, raised_at timestamptz)
language sql volatile security definer set search_path = pg_catalog, pg_temp
begin atomic
  with waiting as (
    select a.tenant_id, a.meter, a.period, a.limit_version, a.percent from tenantry.usage_alerts a
     where a.tenant_id = (select tenancy.current_tenant()) and a.announced_at is null
     order by a.meter, a.period, a.limit_version, a.percent
       for update
  )
  update tenantry.usage_alerts a set announced_at = take_alerts.at
    from waiting w
   where a.tenant_id = w.tenant_id and a.meter = w.meter and a.period = w.period and a.limit_version = w.limit_version and a.percent = w.percent
  returning a.meter::text, a.period::text, a.limit_version, a.percent, a.used, a.included, a.hard_limit, a.raised_at;
end;
`

/**
 * Partitions hold what one month received; they belong to the owner of their table, and nobody reads them by name. What
 * comes in a month that has none is kept by the one for all others.
 */
const partitions = /* sql */ `
create function tenancy.open_usage_month(month date) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  first constant date := date_trunc('month', month)::date;
  following constant date := (first + interval '1 month')::date;
  name constant text := format('usage_events_%s', to_char(first, 'YYYYMM'));
begin
  perform pg_advisory_xact_lock(hashtextextended('tenantry usage months', 0));
  if to_regclass('tenantry.' || name) is not null then return false; end if;
  execute format('create table tenantry.%I (like tenantry.usage_events including all)', name);
  -- What came while the month had none; a partition is made for nothing that another has.
  if to_regclass('tenantry.usage_events_other') is not null and pg_relation_size('tenantry.usage_events_other') > 0 then
    alter table tenantry.usage_events_other no force row level security;
    execute format('with moved as (delete from tenantry.usage_events_other o where o.received_on >= %L and o.received_on < %L returning o.*)
      insert into tenantry.%I select * from moved', first, following, name);
    alter table tenantry.usage_events_other force row level security;
  end if;
  execute format('alter table tenantry.usage_events attach partition tenantry.%I for values from (%L) to (%L)', name, first, following);
  execute format('alter table tenantry.%I enable row level security', name);
  execute format('alter table tenantry.%I force row level security', name);
  execute format('analyze tenantry.%I', name);
  return true;
end $$;

create function tenancy.close_usage_months(before date) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  old record;
  closed integer := 0;
begin
  perform pg_advisory_xact_lock(hashtextextended('tenantry usage months', 0));
  for old in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'tenantry.usage_events'::regclass and c.relname ~ '_[0-9]{6}$'
       and to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month' <= before
     order by c.relname
  loop
    execute format('drop table tenantry.%I', old.relname);
    closed := closed + 1;
  end loop;
  if pg_relation_size('tenantry.usage_events_other') > 0 then
    alter table tenantry.usage_events_other no force row level security;
    delete from tenantry.usage_events_other o where o.received_on < before;
    alter table tenantry.usage_events_other force row level security;
  end if;
  return closed;
end $$;

create table tenantry.usage_events_other partition of tenantry.usage_events default;
alter table tenantry.usage_events_other enable row level security;
alter table tenantry.usage_events_other force row level security;
revoke all on function tenancy.open_usage_month(date), tenancy.close_usage_months(date) from public;
grant execute on function tenancy.open_usage_month(date), tenancy.close_usage_months(date) to tenantry_jobs;
select tenancy.open_usage_month((now() + ahead * interval '1 month')::date) from generate_series(0, 2) ahead;
`

export const meteringLimitsSql = /* sql */ `
set local role tenantry_metering;
${limits}
revoke all on all functions in schema metering from public;
grant usage on schema metering to tenantry_app, tenantry_platform;
grant execute on function metering.enter_catalogue(text, text, text, text), metering.limit_sources(text, text),
  metering.save_limits(text, boolean, text, integer, text, text, text, text, text, text, text, text, text, text, text, text, text),
  metering.write(text, boolean, boolean, text, integer, text, text, text, text, text, text, text, text, text, text, text, text, text, text) to tenantry_app;
grant execute on function metering.take_alerts(timestamptz) to tenantry_platform;
reset role;
${partitions}
`
