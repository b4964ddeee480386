import { expect } from 'vitest'
import type { InternalCaller } from '../../caller.ts'
import { operator, type TestInstallation } from '../../testing.ts'

/** The operator, and what the owner of a tenant of its own sees and does. */
export async function enterLimited(installation: TestInstallation, plan = 'free') {
  const { tenant, caller } = await installation.enter({ plan })
  return { tenant, caller, operators: installation.callerAs(operator, tenant.id) }
}

export const consume = (caller: InternalCaller, metric: string, amount: number) =>
  caller.usage.consume({ tenantId: 'current', metric, amount })

/** What the owner is told of a meter, at both places. */
export async function toldOf(caller: InternalCaller, meter: string) {
  const [{ limits }, { meters }] = [await caller.tenants.limits(), await caller.tenants.usage()]
  const limit = limits.find((one) => one.meter === meter) ?? expect.fail(`no limit of ${meter}`)
  const usage = meters.find((one) => one.meter === meter) ?? expect.fail(`no usage of ${meter}`)
  expect([usage.limit, usage.hardLimit]).toEqual(
    usage.state === 'grace' ? [limit.limit, usage.hardLimit] : [limit.limit, limit.hardLimit],
  )
  return { limit: limit.limit, grace: limit.grace, source: limit.source, used: usage.used, state: usage.state }
}

/** The thresholds that were told, oldest first; null is the end. */
export async function alertsOf(installation: TestInstallation, caller: InternalCaller, tenantId: string) {
  await installation.dependencies.services.metering.told(tenantId)
  const { items } = await caller.events.list({ tenantId: 'current' })
  return items
    .toReversed()
    .flatMap(({ event }) => (event.type === 'usage.threshold_reached' ? [event.thresholdPercent] : []))
}
