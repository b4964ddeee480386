import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { pageById } from '@tenantry/kernel/contract/page'
import type { z } from 'zod'
import { type listRuns, runErrors } from '../contract.ts'
import { findRun, listRunsBefore, readTotals } from '../repository/runs.ts'
import { describe } from './describe.ts'

export async function list(
  { em, clock }: TenantContext,
  { state, workload, cursor, limit }: z.output<typeof listRuns.input>,
) {
  const now = clock.now()
  const rows = await listRunsBefore(em, { state, workload, before: cursor, limit: limit + 1, now })
  const { totals, running, gone } = await readTotals(em, now)
  return {
    ...pageById(
      rows.map((row) => describe(row, now)),
      limit,
    ),
    totals: {
      started: totals?.started ?? 0,
      running,
      succeeded: totals?.succeeded ?? 0,
      failed: totals?.failed ?? 0,
      cancelled: totals?.cancelled ?? 0,
      notStarted: totals?.notStarted ?? 0,
      lost: (totals?.lost ?? 0) + gone,
    },
    lastRunAt: totals?.lastRunAt ?? null,
  }
}

/** Throws `run.not_found`. */
export async function get({ em, clock }: TenantContext, { runId }: { runId: string }) {
  const run = await findRun(em, runId)
  if (run === null) throw runErrors.not_found()
  return describe(run, clock.now())
}
