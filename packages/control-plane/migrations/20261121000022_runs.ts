const metered = (table: string) => /* sql */ `
alter table tenantry.${table} enable row level security;
alter table tenantry.${table} force row level security;
create policy tenant_isolation on tenantry.${table} to tenantry_app
  using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy platform_tenant on tenantry.${table} to tenantry_platform
  using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy platform_read on tenantry.${table} for select to tenantry_platform using ((select tenancy.current_operator()) is not null);
create policy tenant_purge on tenantry.${table} to tenantry_lifecycle
  using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
create policy metering on tenantry.${table} to tenantry_metering using (true) with check (true);
grant select on tenantry.${table} to tenantry_app, tenantry_platform;
grant select, insert, update on tenantry.${table} to tenantry_metering;
grant select, delete on tenantry.${table} to tenantry_lifecycle;
`

/** A run holds a slot while it is running and its lease has not ended: that is counted, so that no job can be late. */
const tables = /* sql */ `
create table tenantry.runs (tenant_id uuid not null, id uuid not null, idempotency_key varchar(255) null, workload varchar(200) not null,
  parameters jsonb null, state text not null default 'running', lease_seconds int not null, started_at timestamptz not null,
  expires_at timestamptz not null, ended_at timestamptz null, period varchar(32) not null, day date not null, primary key (tenant_id, id));
alter table tenantry.runs add constraint runs_state_check check (state in ('running', 'succeeded', 'failed', 'cancelled', 'not_started', 'lost'));
create unique index runs_idempotency_key_unique on tenantry.runs (tenant_id, idempotency_key) where idempotency_key is not null;
create index runs_tenant_id_expires_at_index on tenantry.runs (tenant_id, expires_at) where state = 'running';
create index runs_expires_at_index on tenantry.runs (expires_at) where state = 'running';
create index runs_tenant_id_workload_id_index on tenantry.runs (tenant_id, workload, id);
${metered('runs')}
create policy expired on tenantry.runs to tenantry_jobs using (ended_at < (now() - '400 days'::interval));
grant select, delete on tenantry.runs to tenantry_jobs;

create table tenantry.run_totals (tenant_id uuid not null, started bigint not null, succeeded bigint not null, failed bigint not null,
  cancelled bigint not null, not_started bigint not null, lost bigint not null, last_run_at timestamptz not null, decided_at timestamptz not null, revision bigint not null,
  primary key (tenant_id));
${metered('run_totals')}
`

/** What the functions below share; nobody calls them by themselves. Each needs the tenant's account to be held. */
const shared = /* sql */ `
-- Whether the limits of those meters hold; null where there is no such tenant.
create function metering.hold_ready(owner uuid, now_at timestamptz, catalogue integer, meters text[], patient boolean) returns boolean
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  standing constant integer := metering.hold_account(owner, now_at, catalogue, patient);
begin
  if standing = 6 then return null; end if;
  return standing = 1 and not exists (select from unnest(meters) m (meter) where not exists (
    select from tenantry.effective_limits l where l.tenant_id = owner and l.meter = m.meter));
end $$;

-- Null where one is free, whatever that run holds; else the limit, how many are held, and when the first of those ends that stand in the way.
create function metering.refused_slot(owner uuid, now_at timestamptz, slots text, besides uuid) returns jsonb
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  slot_limit bigint;
  held bigint;
begin
  select l.included into slot_limit from tenantry.effective_limits l where l.tenant_id = owner and l.meter = slots;
  if slot_limit is null then return null; end if;
  select count(*) into held from tenantry.runs r
   where r.tenant_id = owner and r.id is distinct from besides and r.state = 'running' and r.expires_at > now_at;
  if held < slot_limit then return null; end if;
  return jsonb_build_object('meter', slots, 'limit', slot_limit, 'used', held, 'freeAt', (
    select r.expires_at from tenantry.runs r
     where r.tenant_id = owner and r.id is distinct from besides and r.state = 'running' and r.expires_at > now_at
     order by r.expires_at offset held - slot_limit limit 1));
end $$;

-- How many go on, of all that were ever started, by those whose leases ended and that were not written down as lost yet.
create function metering.live_runs(totals tenantry.run_totals, now_at timestamptz) returns bigint
language sql stable set search_path = pg_catalog, pg_temp
return totals.started - totals.succeeded - totals.failed - totals.cancelled - totals.not_started - totals.lost
  - (select count(*) from tenantry.runs r where r.tenant_id = totals.tenant_id and r.state = 'running' and r.expires_at <= now_at);

-- Counts how runs came to be what they are, and tells what is held after it; of many only how many they are.
create function metering.note_runs(
  owner uuid, now_at timestamptz, state_before text, state_after text, many integer, started timestamptz
) returns jsonb
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  totals tenantry.run_totals;
  live bigint;
begin
  insert into tenantry.run_totals as t (tenant_id, started, succeeded, failed, cancelled, not_started, lost, last_run_at, decided_at, revision)
  values (owner, 0, 0, 0, 0, 0, 0, now_at, now_at, 0) on conflict on constraint run_totals_pkey do nothing;
  update tenantry.run_totals t
     set started = t.started + case when note_runs.started is null then 0 else many end,
         succeeded = t.succeeded + case 'succeeded' when state_after then many when state_before then -many else 0 end,
         failed = t.failed + case 'failed' when state_after then many when state_before then -many else 0 end,
         cancelled = t.cancelled + case 'cancelled' when state_after then many when state_before then -many else 0 end,
         not_started = t.not_started + case 'not_started' when state_after then many when state_before then -many else 0 end,
         lost = t.lost + case 'lost' when state_after then many when state_before then -many else 0 end,
         last_run_at = greatest(t.last_run_at, note_runs.started), decided_at = greatest(t.decided_at, now_at), revision = t.revision + 1
   where t.tenant_id = owner returning t.* into totals;
  live := metering.live_runs(totals, now_at);
  return jsonb_build_object('revision', totals.revision, 'used', live, 'ends', case when live <= 1000 then (
    select coalesce(jsonb_agg(r.expires_at), '[]') from tenantry.runs r
     where r.tenant_id = owner and r.state = 'running' and r.expires_at > now_at) end);
end $$;
`

const functions = /* sql */ `
-- Takes one of the counter and a slot, or neither. Who comes again with the same key, or the same id, is told of its run.
create function metering.start_run(
  signature text, patient boolean, at text, catalogue text, tenant text, id text, key text, workload text, parameters text, lease_seconds text,
  counter text, slots text, period text, span text, day text
) returns jsonb
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '1s' set enable_seqscan = off as $$
#variable_conflict use_column
declare
  now_at constant timestamptz := start_run.at::timestamptz;
  owner constant uuid := start_run.tenant::uuid;
  ready boolean;
  run tenantry.runs;
  refused jsonb;
  written record;
begin
  perform tenancy.require_signed(signature, concat_ws(E'\\x1f', at, catalogue, tenant, start_run.id, key, start_run.workload,
    start_run.parameters, start_run.lease_seconds, counter, slots, start_run.period, span, start_run.day));
  ready := metering.hold_ready(owner, now_at, start_run.catalogue::integer, array[counter, slots], patient);
  if ready is null then return jsonb_build_object('outcome', 'unknown_tenant'); end if;
  -- One by one, and the key by the order that its own index has: a plan is made as if the table stayed as empty as it was.
  select r.* into run from tenantry.runs r where r.tenant_id = owner and r.id = start_run.id::uuid limit 1;
  if not found and start_run.key <> '' then
    select r.* into run from tenantry.runs r where r.tenant_id = owner and r.idempotency_key >= start_run.key order by r.idempotency_key limit 1;
    if run.idempotency_key <> start_run.key then run := null; end if;
  end if;
  if run.id is not null then
    return jsonb_build_object('outcome', case when run.workload = start_run.workload
      and run.parameters is not distinct from nullif(start_run.parameters, '')::jsonb then 'known' else 'conflict' end, 'run', to_jsonb(run));
  end if;
  if not ready then return jsonb_build_object('outcome', 'unready'); end if;
  refused := metering.refused_slot(owner, now_at, slots, null);
  if refused is not null then return jsonb_build_object('outcome', 'refused', 'refused', refused); end if;
  select c.* into written from metering.count_events(true, false, at, start_run.catalogue::integer,
    array[tenant]::text, array[counter]::text, array[start_run.period]::text, array[span]::text, '{true}',
    '{1}', array[start_run.id]::text, array[nullif(key, '')]::text, '{1}', '{consume}', '{NULL}', array[start_run.day]::text, array[at]::text,
    array[jsonb_build_object('workload', start_run.workload)::text]::text) c;
  if written.outcomes <> '1' then return jsonb_build_object('outcome', 'uncounted', 'written', to_jsonb(written)); end if;
  insert into tenantry.runs as r (tenant_id, id, idempotency_key, workload, parameters, state, lease_seconds, started_at, expires_at, period, day)
  values (owner, start_run.id::uuid, nullif(key, ''), start_run.workload, nullif(start_run.parameters, '')::jsonb, 'running',
          start_run.lease_seconds::integer, now_at, now_at + start_run.lease_seconds::integer * interval '1 second', start_run.period, start_run.day::date)
  returning r.* into run;
  return jsonb_build_object('outcome', 'started', 'run', to_jsonb(run), 'written', to_jsonb(written),
    'held', metering.note_runs(owner, now_at, null, 'running', 1, now_at));
end $$;

-- Whoever comes late has its slot back if one is free, whether or not the run was found lost meanwhile.
create function metering.renew_run(signature text, patient boolean, at text, catalogue text, tenant text, id text, slots text) returns jsonb
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '1s' set enable_seqscan = off as $$
declare
  now_at constant timestamptz := renew_run.at::timestamptz;
  owner constant uuid := renew_run.tenant::uuid;
  ready boolean;
  state_before text;
  run tenantry.runs;
  refused jsonb;
begin
  perform tenancy.require_signed(signature, concat_ws(E'\\x1f', at, catalogue, tenant, renew_run.id, slots));
  ready := metering.hold_ready(owner, now_at, renew_run.catalogue::integer, array[slots], patient);
  select r.* into run from tenantry.runs r where r.tenant_id = owner and r.id = renew_run.id::uuid;
  if ready is null or not found then return jsonb_build_object('outcome', 'not_found'); end if;
  if run.state not in ('running', 'lost') then return jsonb_build_object('outcome', 'ended', 'run', to_jsonb(run)); end if;
  state_before := run.state;
  -- Its slot may be another's by the clock of another process that is ahead.
  if run.state = 'lost' or run.expires_at <= greatest(now_at, (select t.decided_at from tenantry.run_totals t where t.tenant_id = owner)) then
    if not ready then return jsonb_build_object('outcome', 'unready'); end if;
    refused := metering.refused_slot(owner, now_at, slots, run.id);
    if refused is not null then return jsonb_build_object('outcome', 'refused', 'refused', refused); end if;
  end if;
  update tenantry.runs r
     set state = 'running', ended_at = null, expires_at = greatest(r.expires_at, now_at + r.lease_seconds * interval '1 second')
   where r.tenant_id = owner and r.id = run.id returning r.* into run;
  return jsonb_build_object('outcome', 'renewed', 'run', to_jsonb(run),
    'held', metering.note_runs(owner, now_at, state_before, 'running', 1, null));
end $$;

-- One that was not started after all gives back what it took, in the period that it was counted in, and once.
create function metering.end_run(
  signature text, patient boolean, at text, catalogue text, tenant text, id text, state text, counter text, current_period text, event text
) returns jsonb
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '1s' set enable_seqscan = off as $$
#variable_conflict use_column
declare
  now_at constant timestamptz := end_run.at::timestamptz;
  owner constant uuid := end_run.tenant::uuid;
  ready boolean;
  state_before text;
  run tenantry.runs;
  written record;
  counted jsonb;
begin
  perform tenancy.require_signed(signature, concat_ws(E'\\x1f', at, catalogue, tenant, end_run.id, end_run.state, counter, current_period, event));
  ready := metering.hold_ready(owner, now_at, end_run.catalogue::integer, array[counter], patient);
  select r.* into run from tenantry.runs r where r.tenant_id = owner and r.id = end_run.id::uuid;
  if ready is null or not found then return jsonb_build_object('outcome', 'not_found'); end if;
  if run.state not in ('running', 'lost') then
    return jsonb_build_object('outcome', case when run.state = end_run.state then 'known' else 'ended' end, 'run', to_jsonb(run));
  end if;
  if end_run.state = 'not_started' then
    if not ready then return jsonb_build_object('outcome', 'unready'); end if;
    select c.* into written from metering.count_events(true, false, at, end_run.catalogue::integer,
      array[tenant]::text, array[counter]::text, array[run.period]::text, array[run.period]::text, array[run.period = current_period]::text,
      '{1}', array[event]::text, array['void ' || run.id]::text, '{-1}', '{track}', '{NULL}', array[run.day]::text,
      array[run.started_at]::text, array[jsonb_build_object('reason', 'The run was not started.')::text]::text) c;
    counted := to_jsonb(written);
  end if;
  state_before := run.state;
  update tenantry.runs r set state = end_run.state, ended_at = now_at
   where r.tenant_id = owner and r.id = run.id returning r.* into run;
  return jsonb_build_object('outcome', 'ended_now', 'run', to_jsonb(run), 'written', counted,
    'held', metering.note_runs(owner, now_at, state_before, end_run.state, 1, null));
end $$;

-- Tidies up after holders that are gone: what they held is free since their leases ended.
create function metering.lose_runs(signature text, at text, tenant text, most text) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '1s' set enable_seqscan = off as $$
declare
  now_at constant timestamptz := lose_runs.at::timestamptz;
  owner constant uuid := lose_runs.tenant::uuid;
  found_lost integer;
begin
  perform tenancy.require_signed(signature, concat_ws(E'\\x1f', at, tenant, most));
  perform from tenantry.usage_accounts u where u.tenant_id = owner for no key update;
  update tenantry.runs r set state = 'lost', ended_at = r.expires_at
   where r.tenant_id = owner and r.id = any (array(
     select e.id from tenantry.runs e where e.tenant_id = owner and e.state = 'running' and e.expires_at <= now_at
      order by e.expires_at limit lose_runs.most::integer));
  get diagnostics found_lost = row_count;
  if found_lost > 0 then perform metering.note_runs(owner, now_at, 'running', 'lost', found_lost, null); end if;
  return found_lost;
end $$;
`

/** Runs: a slot for as long as they go on, and one of the month's for each that starts, in one transaction. */
export const runsSql = `${tables}
set local role tenantry_metering;
${shared}${functions}
revoke all on function metering.hold_ready(uuid, timestamptz, integer, text[], boolean), metering.refused_slot(uuid, timestamptz, text, uuid),
  metering.live_runs(tenantry.run_totals, timestamptz), metering.note_runs(uuid, timestamptz, text, text, integer, timestamptz),
  metering.start_run(text, boolean, text, text, text, text, text, text, text, text, text, text, text, text, text),
  metering.renew_run(text, boolean, text, text, text, text, text), metering.end_run(text, boolean, text, text, text, text, text, text, text, text),
  metering.lose_runs(text, text, text, text) from public;
grant execute on function metering.start_run(text, boolean, text, text, text, text, text, text, text, text, text, text, text, text, text),
  metering.renew_run(text, boolean, text, text, text, text, text), metering.end_run(text, boolean, text, text, text, text, text, text, text, text),
  metering.lose_runs(text, text, text, text) to tenantry_app;
reset role;
`
