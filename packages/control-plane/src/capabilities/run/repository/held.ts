import { Run, RunTotals } from '../entity.ts'

/** For queries of others that read the held slots along, by the next. */
export const runSource = { run: Run, run_total: RunTotals }

/** `now` is the parameter that holds the time. Of many it tells only how many they are, as the functions that write do. */
export const heldJson = (now: string) => /* sql */ `(
  select json_build_object('revision', revision, 'used', used, 'ends', case when used <= 1000 then (
      select coalesce(json_agg(expires_at), '[]') from run where state = 'running' and expires_at > ${now}::timestamptz) end)
    from (select coalesce(max(revision), 0) as revision,
                 coalesce(sum(started - succeeded - failed - cancelled - not_started - lost)::bigint, 0)
                   - (select count(*) from run where state = 'running' and expires_at <= ${now}::timestamptz) as used
            from run_total) total)`
