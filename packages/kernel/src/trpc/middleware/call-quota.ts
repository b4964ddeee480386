import type { Actor } from '../../context/actor.ts'
import type { ExhaustedQuota, TenantAccess } from '../../context/dependencies.ts'
import type { RequestContext } from '../../context/request-context.ts'
import { limitErrors } from '../../contract/errors.ts'
import type { AnyOperation } from '../../contract/operation.ts'
import { forgetExcess, recordExcess } from '../abuse.ts'
import { showLimit } from './rate-limit.ts'

/**
 * Counts what people and keys ask for in a tenant, however it is answered; the reporting of usage has meters of its own,
 * and a product asks about access with each request that it handles. Throws `usage.limit_exceeded`: what is refused does not count.
 */
export async function countCall(
  ctx: RequestContext,
  { actor, access }: { actor: Actor; access: TenantAccess | null },
  { rateLimit, allowOverLimit }: AnyOperation,
): Promise<void> {
  const isOutside = actor.type === 'user' || actor.type === 'apiKey'
  if (access === null || !isOutside || ctx.transport === 'internal' || isFree(rateLimit)) return
  const { callQuota } = ctx.dependencies
  if (!allowOverLimit) {
    const limit = `${access.tenant.id} calls`
    const exhausted = await callQuota.exhausted(access.tenant)
    if (exhausted) {
      const refusal = refusalOf(ctx, exhausted)
      const { retryAfterSeconds = 0 } = refusal.details
      await recordExcess(ctx, { actor, limit, retryAfterSeconds, tenantIds: async () => [access.tenant.id] })
      throw refusal
    }
    forgetExcess(ctx, actor, limit)
  }
  callQuota.count(access.tenant)
}

const isFree = (rateLimit: AnyOperation['rateLimit']) => rateLimit === 'usage' || rateLimit === 'access'

function refusalOf(ctx: RequestContext, { meter, used, limit, hardLimit, resetsAt, windowSeconds }: ExhaustedQuota) {
  const milliseconds = resetsAt.getTime() - ctx.dependencies.clock.now().getTime()
  const resetSeconds = Math.max(1, Math.ceil(milliseconds / 1_000))
  const budget = { points: hardLimit, windowSeconds }
  showLimit(ctx, meter, { allowed: false, budget, remaining: 0, resetSeconds, window: '' })
  return limitErrors.limit_exceeded(
    { meter, limit, hardLimit, used, remaining: 0, resetsAt: resetsAt.toISOString(), retryAfterSeconds: resetSeconds },
    `The tenant has used up its ${meter}: ${used} of ${hardLimit}.`,
  )
}
