import type { z } from 'zod'
import type { getRun } from '../contract.ts'
import type { ToldRun } from '../repository/write.ts'

type Described = z.input<typeof getRun.output>

/** As it is now: a run whose lease has ended is lost since then, whether or not that was written down. */
export function describe(run: ToldRun, now: Date): Described {
  const { id, workload, parameters, idempotencyKey, startedAt, leaseSeconds, expiresAt } = run
  const isGone = run.state === 'running' && expiresAt <= now
  const state = isGone ? 'lost' : run.state
  return {
    id,
    workload,
    parameters: parameters ?? null,
    state,
    idempotencyKey: idempotencyKey ?? null,
    startedAt,
    leaseSeconds,
    leaseExpiresAt: state === 'running' ? expiresAt : null,
    endedAt: isGone ? expiresAt : (run.endedAt ?? null),
  }
}
