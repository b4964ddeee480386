/** What holds of the runs of one tenant, told without a database: its limits never change, and its months neither. */
export interface RunModel {
  start(key: string | null, leaseSeconds: number): { code: string; run?: number }
  heartbeat(run: number): string
  complete(run: number, outcome: Outcome): string
  pass(seconds: number): void
  seen(): { used: number; held: number; states: State[]; totals: Record<string, number> }
}

export type Outcome = 'succeeded' | 'failed' | 'cancelled' | 'not_started'
export type State = Outcome | 'running' | 'lost'

interface ModelRun {
  key: string | null
  leaseSeconds: number
  endsAt: number
  outcome: Outcome | null
}

export function createRunModel(limits: { runs: number; slots: number }): RunModel {
  const runs: ModelRun[] = []
  let now = 0
  const isLive = ({ outcome, endsAt }: ModelRun) => outcome === null && endsAt > now
  const held = () => runs.filter(isLive).length
  const used = () => runs.filter(({ outcome }) => outcome !== 'not_started').length
  const stateOf = (run: ModelRun): State => run.outcome ?? (isLive(run) ? 'running' : 'lost')

  return {
    start: (key, leaseSeconds) => {
      const known = runs.findIndex((run) => key !== null && run.key === key)
      if (known >= 0) return { code: 'replayed', run: known }
      if (held() >= limits.slots) return { code: 'concurrent_pipelines' }
      if (used() >= limits.runs) return { code: 'pipeline_runs' }
      runs.push({ key, leaseSeconds, endsAt: now + leaseSeconds, outcome: null })
      return { code: 'started', run: runs.length - 1 }
    },
    heartbeat: (place) => {
      const run = runs[place] as ModelRun
      if (run.outcome !== null) return 'run.already_ended'
      if (!isLive(run) && held() >= limits.slots) return 'run.lease_lost'
      run.endsAt = Math.max(run.endsAt, now + run.leaseSeconds)
      return 'running'
    },
    complete: (place, outcome) => {
      const run = runs[place] as ModelRun
      if (run.outcome !== null && run.outcome !== outcome) return 'run.already_ended'
      run.outcome = outcome
      return outcome
    },
    pass: (seconds) => {
      now += seconds
    },
    seen: () => {
      const states = runs.map(stateOf)
      const count = (state: State) => states.filter((one) => one === state).length
      const totals = {
        started: runs.length,
        running: count('running'),
        succeeded: count('succeeded'),
        failed: count('failed'),
        cancelled: count('cancelled'),
        notStarted: count('not_started'),
        lost: count('lost'),
      }
      return { used: used(), held: held(), states, totals }
    },
  }
}
