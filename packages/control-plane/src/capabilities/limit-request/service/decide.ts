import type { TenantContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import { lockMeter, overrideLimits } from '../../limit/index.ts'
import { notify } from '../../notification/index.ts'
import { planNamed, upgradeFor } from '../../plan/index.ts'
import { getOwnTenant, getOwnTenantForUpdate, standingNow } from '../../tenant/index.ts'
import { type decideLimitRequest, limitRequestErrors } from '../contract.ts'
import { findRequestForUpdate, type LimitRequest, saveDecision } from '../repository.ts'
import { decisionMessage } from '../rules/decision-message.ts'
import { describe, targetOf } from './describe.ts'
import { currentLimit, isMore } from './request.ts'

/**
 * What is approved holds from the same commit on. Throws `limit_request.not_found`, `limit_request.already_decided`, and
 * `limit_request.no_more_needed` for an approval that would allow no more than holds by now.
 */
export async function decide(
  ctx: TenantContext,
  { requestId, decision, reason }: z.output<typeof decideLimitRequest.input>,
) {
  const found = await findRequestForUpdate(ctx.em, requestId)
  if (found === null) throw limitRequestErrors.not_found()
  if (found.state !== 'open') throw limitRequestErrors.already_decided()
  if (decision === 'approved') await refuseNoMoreNeeded(ctx, found)
  await saveDecision(ctx.em, found, { state: decision, decisionReason: reason, decidedAt: ctx.clock.now() })
  ctx.record('limits.request_decided', {
    target: targetOf(found),
    changes: { state: { before: 'open', after: decision } },
    details: { reason },
  })
  if (decision === 'approved')
    await overrideLimits(ctx, { [found.meter]: { value: found.value ?? null, expiresAt: null } }, reason)
  await tell(ctx, found, { decision, note: reason })
  return describe(found)
}

/** Until the commit neither the plan nor an override of the meter changes. */
async function refuseNoMoreNeeded(ctx: TenantContext, { meter, value }: LimitRequest): Promise<void> {
  await lockMeter(ctx.em, meter)
  const { plan } = await standingNow(ctx, await getOwnTenantForUpdate(ctx.em))
  const { limit } = await currentLimit({ ...ctx, tenant: { ...ctx.tenant, plan } }, meter)
  if (isMore(value ?? null, limit)) return
  const hardLimit = limit?.hardLimit ?? null
  const standing = hardLimit === null ? `${meter} has no limit` : `${hardLimit} of ${meter} are allowed`
  throw limitRequestErrors.no_more_needed(
    { meter, limit: limit?.limit ?? null, hardLimit },
    `Today ${standing}: approving ${value ?? 'unlimited'} would allow no more. Decline the request, or set an override where less is meant.`,
  )
}

async function tell(
  ctx: TenantContext,
  { meter: key, value, reason, requestedByType, requestedById }: LimitRequest,
  decided: { decision: 'approved' | 'declined'; note: string },
): Promise<void> {
  const { catalogue, publicUrl } = ctx.services
  const [{ name, slug }, { limit, isOverridden }] = [await getOwnTenant(ctx.em), await currentLimit(ctx, key)]
  const included = isOverridden ? null : (limit?.limit ?? null)
  const current = planNamed(catalogue, ctx.tenant.plan)
  const plan = included === null ? null : upgradeFor(catalogue.plans, current, { key }, included)
  const upgrade = plan && { title: plan.title, included: plan.limits[key] ?? null }
  const asked = { meter: catalogue.meters[key] ?? { key }, value: value ?? null, reason, ...decided, limit, upgrade }
  const message = decisionMessage(asked, { name, slug, publicUrl })
  const asker = requestedByType === 'user' || requestedByType === 'platformAdmin' ? requestedById : null
  await notify(ctx, [{ event: 'quotaAlerts', isCritical: false, besides: asker ?? null, message }])
}
