import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import { newId } from '@tenantry/kernel/tenancy/id'
import { runUnit } from '@tenantry/kernel/trpc/unit'
import { emitEvent } from '../../event/index.ts'
import { periodOfTenant, takeAlerts } from '../../metering/index.ts'
import { planNamed } from '../../plan/index.ts'
import { stateOf } from '../rules/ladder.ts'

const actor = { type: 'system', name: 'usage.alerts' } as const

/** Tells those who watch the tenant of the thresholds that were reached, each once. */
export async function announceAlerts(dependencies: Dependencies, tenantId: string): Promise<void> {
  const { clock, logger, services, directory } = dependencies
  const access = await directory.findAccess(actor, tenantId)
  if (access === null) return
  const { tenant } = access
  const plan = planNamed(services.catalogue, tenant.plan)
  const caller = {
    dependencies,
    actor,
    client: { address: null, userAgent: null },
    requestId: newId(),
    logger,
    operation: actor.name,
  }
  await runUnit(caller, { kind: 'tenant', tenantId, asOperator: true, readOnly: false }, async (unit) => {
    for (const alert of await takeAlerts(unit.em, clock.now())) {
      const period = services.catalogue.meters[alert.meter]?.period ?? 'none'
      const { endsAt } = periodOfTenant(period, alert.raisedAt, tenant, plan.periodAnchor)
      await emitEvent({ ...unit, clock, services, tenant }, 'usage.threshold_reached', {
        meter: alert.meter,
        thresholdPercent: alert.percent,
        used: alert.used,
        limit: alert.included,
        hardLimit: alert.hardLimit,
        state: stateOf(alert.used, { limit: alert.included, hardLimit: alert.hardLimit }, plan.alertThresholds),
        resetsAt: endsAt?.toISOString() ?? null,
      })
    }
  })
}
