import { expect } from 'vitest'
import type { InternalCaller } from '../../caller.ts'
import { operator, type TestInstallation } from '../../testing.ts'
import { startRun } from './repository/write.ts'
import { itemOf } from './runners.fixture.ts'

export const current = { tenantId: 'current' }

export const start = (caller: InternalCaller, given: Partial<Parameters<InternalCaller['runs']['start']>[0]> = {}) =>
  caller.runs.start({ ...current, workload: 'nightly', ...given })

/** A tenant with limits of its own: null is unlimited. */
export async function enterLimited(
  installation: TestInstallation,
  limits: { runs?: number | null; slots?: number | null } = {},
) {
  const entered = await installation.enter({ plan: 'starter' })
  const operators = installation.callerAs(operator, entered.tenant.id)
  const { runs, slots } = limits
  const overrides = {
    ...(runs === undefined ? {} : { pipeline_runs: { value: runs } }),
    ...(slots === undefined ? {} : { concurrent_pipelines: { value: slots } }),
  }
  if (Object.keys(overrides).length > 0)
    await operators.limits.setOverrides({ ...current, overrides, reason: 'A test' })
  return { ...entered, operators }
}

/** Starts a run of that id, as many seconds ago as told. */
export function beginRun(
  { dependencies }: TestInstallation,
  { tenantId, id, workload, secondsAgo = 0 }: { tenantId: string; id: string; workload: string; secondsAgo?: number },
) {
  const now = dependencies.clock.now()
  const run = { item: { ...itemOf(tenantId, id), occurredAt: now }, workload, parameters: null, leaseSeconds: 60 }
  return dependencies.services.metering.onAccount(tenantId, (given) =>
    startRun({ ...given, now: new Date(now.getTime() - secondsAgo * 1_000) }, run),
  )
}

/** What is shown of both meters. */
export async function usageOf(caller: InternalCaller) {
  const { meters } = await caller.tenants.usage()
  const of = (key: string) => meters.find(({ meter }) => meter === key) ?? expect.fail(`no usage of ${key}`)
  return { runs: of('pipeline_runs'), slots: of('concurrent_pipelines') }
}
