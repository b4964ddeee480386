import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { newId } from '@tenantry/kernel/tenancy/id'
import { openSequence } from '@tenantry/kernel/trpc/sequence'
import { emitEvents } from '../../event/index.ts'
import { type PendingAlert, recentPeriod, takeAlerts } from '../../metering/index.ts'
import { type Notice, notify } from '../../notification/index.ts'
import { planNamed, upgradeFor } from '../../plan/index.ts'
import { getOwnTenant } from '../../tenant/index.ts'
import { highestOfEach, standingAt } from '../rules/threshold.ts'
import { thresholdMessage } from '../rules/threshold-message.ts'

const actor = { type: 'system', name: 'usage.alerts' } as const

/**
 * Tells those who watch the tenant of the thresholds that were reached, each once, and its owners and admins of the
 * highest of each meter.
 */
export async function announceAlerts(dependencies: Dependencies, tenantId: string): Promise<void> {
  const access = await dependencies.directory.findAccess(actor, tenantId)
  if (access === null) return
  const { unit } = openSequence({
    dependencies,
    actor,
    client: { address: null, userAgent: null },
    requestId: newId(),
    logger: dependencies.logger,
    operation: actor.name,
  })
  await unit.tenant(access, async (ctx) => {
    const alerts = await takeAlerts(ctx.em, ctx.clock.now())
    if (alerts.length === 0) return
    const standing = alerts.filter((alert) => !hasEnded(ctx, alert))
    if (standing.length > 0) await notify(ctx, await noticesOf(ctx, highestOfEach(standing)))
    await emitEvents(
      ctx,
      alerts.map((alert) => eventOf(ctx, alert)),
    )
  })
}

/** In which the alert was raised: calls of a day may come to be counted in the first moments of the next. */
function periodOf({ services: { catalogue }, tenant }: TenantContext, { meter, span, raisedAt }: PendingAlert) {
  const period = catalogue.meters[meter]?.period ?? 'none'
  const anchor = planNamed(catalogue, tenant.plan).periodAnchor
  return recentPeriod(period, span, { instant: raisedAt, tenant, anchor })
}

/** What was reached before the count started anew is no news to anybody. */
function hasEnded(ctx: TenantContext, alert: PendingAlert): boolean {
  const period = periodOf(ctx, alert)
  return period === null || (period.endsAt !== null && period.endsAt <= ctx.clock.now())
}

/** Where the tenant stands with an alert, and when the count starts anew. */
function situationOf(ctx: TenantContext, alert: PendingAlert) {
  const { services, tenant, clock } = ctx
  const { alertThresholds } = planNamed(services.catalogue, tenant.plan)
  const resetsAt = periodOf(ctx, alert)?.endsAt ?? null
  return { ...standingAt(alert, { ...alert, now: clock.now() }, alertThresholds), resetsAt }
}

function eventOf(ctx: TenantContext, alert: PendingAlert) {
  const { state, hardLimit, resetsAt } = situationOf(ctx, alert)
  return {
    type: 'usage.threshold_reached' as const,
    meter: alert.meter,
    thresholdPercent: alert.percent,
    used: alert.used,
    limit: alert.included,
    hardLimit,
    state,
    resetsAt: resetsAt?.toISOString() ?? null,
  }
}

async function noticesOf(ctx: TenantContext, alerts: readonly PendingAlert[]): Promise<Notice[]> {
  const { catalogue, publicUrl } = ctx.services
  const { name, slug } = await getOwnTenant(ctx.em)
  const addressed = { name, slug, publicUrl, timezone: ctx.tenant.timezone }
  return alerts.flatMap((alert) => {
    const meter = catalogue.meters[alert.meter]
    // A meter that the catalogue has no more has no name for people either.
    if (meter === undefined) return []
    const situation = situationOf(ctx, alert)
    const plan = upgradeFor(catalogue.plans, planNamed(catalogue, ctx.tenant.plan), meter, alert.included)
    const upgrade = plan && { title: plan.title, included: plan.limits[meter.key] ?? null }
    const message = thresholdMessage({ ...alert, ...situation, meter, upgrade }, addressed)
    const about = `usage of ${alert.meter} in ${alert.span}`
    return { event: 'quotaAlerts', isCritical: situation.state === 'blocked', about, message }
  })
}
