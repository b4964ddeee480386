import { Run, RunTotals } from '../entity.ts'

/** For queries of others that read the held slots along, by the next. */
export const runSource = { run: Run, run_total: RunTotals }

/** `now` is the parameter that holds the time. */
export const heldJson = (now: string) => /* sql */ `json_build_object(
  'revision', (select coalesce(max(revision), 0) from run_total),
  'ends', (select coalesce(json_agg(expires_at), '[]') from run where state = 'running' and expires_at > ${now}::timestamptz))`
