import { Run, RunTotals } from '../entity.ts'
import type { CounterValue } from './write.ts'

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

/** What each run takes one of, and what it holds one of. */
export const runMeters = { counter: 'pipeline_runs', slots: 'concurrent_pipelines' } as const

/** The slots that a tenant holds. */
export interface HeldSlots {
  /** Rises with every change. */
  revision: number
  used: number
  /** When the lease of each ends (ISO 8601); null where they are many. */
  ends: readonly string[] | null
}

/** As the value of its meter, whose one period is that of all meters without. */
export const slotsValue = ({ revision, used, ends }: HeldSlots): CounterValue => ({
  meter: runMeters.slots,
  period: 'total',
  used,
  overSince: null,
  overSpan: null,
  revision,
  ...(ends === null ? {} : { ends }),
})
