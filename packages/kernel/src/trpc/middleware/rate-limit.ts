import { type Actor, actorKey } from '../../context/actor.ts'
import type { TenantAccess } from '../../context/dependencies.ts'
import type { RequestContext } from '../../context/request-context.ts'
import { rateLimitErrors } from '../../contract/errors.ts'
import type { RateLimitClass } from '../../contract/operation.ts'
import { toAppError } from '../../errors/to-trpc-error.ts'
import { clientNetwork } from '../../rate-limit/client-network.ts'
import { rateLimitHeaders } from '../../rate-limit/headers.ts'
import { t } from '../init.ts'

/** Draws one point before the work starts, so that parallel calls cannot all see the last one. */
export const rateLimit = t.middleware(async ({ ctx, meta, next }) => {
  const { actor, access, dependencies } = ctx as RequestContext & { actor: Actor; access?: TenantAccess }
  const limit = meta?.operation.rateLimit ?? 'read'
  // Our own processes are bounded by what calls them.
  if (actor.type === 'service' || actor.type === 'system') return next()

  const key = keyOf(limit, ctx, actor, access)
  const budget = await dependencies.budget(limit, access?.tenant ?? null)
  const decision = await dependencies.rateLimits.consume(limit, key, budget)
  for (const [name, value] of Object.entries(rateLimitHeaders(limit, decision))) ctx.setHeader(name, value)
  if (!decision.allowed) {
    dependencies.metrics.rateLimited(limit)
    throw rateLimitErrors.exceeded(
      { limit: budget.points, retryAfterSeconds: decision.resetSeconds },
      `At most ${budget.points} calls in ${budget.windowSeconds} seconds. Try again in ${decision.resetSeconds} seconds.`,
    )
  }
  const result = await next()
  if (limit === 'settings_update' && !result.ok && toAppError(result.error).kind !== 'conflict') {
    await dependencies.rateLimits.refund(limit, key)
  }
  return result
})

function keyOf(limit: RateLimitClass, ctx: RequestContext, actor: Actor, access: TenantAccess | undefined): string {
  if (limit === 'public') return ctx.client.address === null ? 'in-process' : clientNetwork(ctx.client.address)
  const tenantId = access?.tenant.id ?? 'no-tenant'
  return limit === 'read' || limit === 'write' ? `${tenantId}|${actorKey(actor)}` : tenantId
}
