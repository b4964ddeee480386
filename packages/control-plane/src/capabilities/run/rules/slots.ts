import type { CounterValue } from '../../metering/index.ts'

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
