import { type Actor, actorKey, isOperator } from '../../context/actor.ts'
import type { Budget, RateLimitDecision, TenantAccess } from '../../context/dependencies.ts'
import type { RequestContext } from '../../context/request-context.ts'
import { rateLimitErrors } from '../../contract/errors.ts'
import type { AnyOperation, BudgetName, RateLimitClass } from '../../contract/operation.ts'
import { AppError } from '../../errors/app-error.ts'
import { clientNetwork } from '../../rate-limit/client-network.ts'
import { rateLimitHeaders } from '../../rate-limit/headers.ts'
import { recordExcess, recordProbe } from '../abuse.ts'
import { recordDenial } from '../denial.ts'

export interface Draw {
  /** The call failed: where refused input does not count, its point is given back. */
  refused(error: AppError): Promise<void>
}

const free: Draw = { refused: async () => undefined }

/** Draws one point before the work starts, so that parallel calls cannot all see the last one. */
export async function drawRate(
  ctx: RequestContext,
  { actor, access }: { actor: Actor; access: TenantAccess | null },
  { rateLimit }: AnyOperation,
): Promise<Draw> {
  const { dependencies } = ctx
  // Operators create tenants for others.
  const limit = rateLimit === 'sign_up' && actor.type === 'platformAdmin' ? 'write' : rateLimit
  // Our own processes are bounded by what calls them.
  if (actor.type === 'service' || actor.type === 'system') return free

  const budget = await dependencies.budget(limit, access?.tenant ?? null)
  const drawn: { key: string; window: string }[] = []
  const refund = async () => {
    for (const { key, window } of drawn) await dependencies.rateLimits.refund(limit, key, window)
  }
  for (const key of keysOf(limit, ctx, actor, access)) {
    try {
      drawn.push({ key, window: await drawPoint(ctx, { limit, key, budget }) })
    } catch (error) {
      await refund()
      await recordIgnored(ctx, {
        limit: `${limit} ${key}`,
        actor,
        error,
        tenantIds: async () => [access?.tenant.id ?? null],
      })
      throw error
    }
  }
  if (!isRefunded(limit)) return free
  return {
    refused: async (error) => {
      if (error.kind !== 'conflict') await refund()
    },
  }
}

export interface RefusedSelection {
  actor: Actor
  operation: string
  /** What the caller has named; null where it has access to all of it. */
  reference: string | null
  /** The tenants it was aimed at, where there are any of that name. */
  tenantIds(): Promise<(string | null)[]>
}

/**
 * A tenant was not selected: probing for tenants, and what is done about it, is bounded by this. What stands behind it,
 * the caller's own calls, is not: those select. Operators and our own processes may see all tenants anyway.
 */
export async function drawRefusedSelection(
  ctx: RequestContext,
  { actor, operation, reference, tenantIds }: RefusedSelection,
): Promise<void> {
  if (isOperator(actor) || actor.type === 'service') return
  const limit = 'selection'
  const budget = await ctx.dependencies.budget(limit, null)
  try {
    await drawPoint(ctx, { limit, key: actorKey(actor), budget })
  } catch (error) {
    await recordIgnored(ctx, { limit, actor, error, tenantIds: async () => [] })
    await recordDenial(ctx, { actor, code: rateLimitErrors.exceeded.code, operation, isExcess: true })
    throw error
  }
  // Beyond the budget nothing is found out: what one page asks for at once must not block whoever looks at it.
  if (reference !== null) await recordProbe(ctx, { actor, reference, tenantIds })
}

/** A caller that is told when to come back and asks on all the same. */
async function recordIgnored(
  ctx: RequestContext,
  { limit, actor, error, tenantIds }: Pick<RefusedSelection, 'actor' | 'tenantIds'> & { limit: string; error: unknown },
): Promise<void> {
  const seconds = error instanceof AppError ? error.details.retryAfterSeconds : undefined
  if (seconds !== undefined) await recordExcess(ctx, { actor, limit, retryAfterSeconds: seconds, tenantIds })
}

/** Answers the window it was drawn from. Throws `rate_limit.exceeded`. */
async function drawPoint(
  ctx: RequestContext,
  { limit, key, budget }: { limit: BudgetName; key: string; budget: Budget },
): Promise<string> {
  const { dependencies } = ctx
  const decision = await dependencies.rateLimits.consume(limit, key, budget)
  showLimit(ctx, limit, decision)
  if (decision.allowed) return decision.window
  dependencies.metrics.rateLimited(limit)
  throw rateLimitErrors.exceeded(
    { limit: budget.points, retryAfterSeconds: decision.resetSeconds },
    `At most ${budget.points} calls in ${budget.windowSeconds} seconds. Try again in ${decision.resetSeconds} seconds.`,
  )
}

/** What the answer tells of. The calls of one batch share it. */
const shown = new WeakMap<RequestContext, RateLimitDecision>()

/** Tells of the limit, unless another that the request draws on is nearer to its end. */
export function showLimit(ctx: RequestContext, limit: string, decision: RateLimitDecision): void {
  const other = shown.get(ctx)
  if (other && !isNearer(decision, other)) return
  shown.set(ctx, decision)
  for (const [name, value] of Object.entries(rateLimitHeaders(limit, decision))) ctx.setHeader(name, value)
}

function isNearer(one: RateLimitDecision, other: RateLimitDecision): boolean {
  if (one.allowed !== other.allowed) return other.allowed
  if (one.remaining !== other.remaining) return one.remaining < other.remaining
  return one.resetSeconds >= other.resetSeconds
}

/** Drawn before the input is read, and so few that a slip of the pen must not cost one. */
const isRefunded = (limit: RateLimitClass) => limit === 'settings_update' || limit === 'sign_up'

function keysOf(limit: RateLimitClass, ctx: RequestContext, actor: Actor, access: TenantAccess | null): string[] {
  if (limit !== 'sign_up') return [keyOf(limit, ctx, actor, access)]
  const { address } = ctx.client
  return [actorKey(actor), ...(address === null ? [] : [`address ${clientNetwork(address)}`])]
}

function keyOf(limit: RateLimitClass, ctx: RequestContext, actor: Actor, access: TenantAccess | null): string {
  if (limit === 'public' || limit === 'invitation')
    return ctx.client.address === null ? 'in-process' : clientNetwork(ctx.client.address)
  const tenantId = access?.tenant.id ?? 'no-tenant'
  // What operators mend in a tenant must not wait for what the tenant used up.
  const own = limit === 'read' || limit === 'write' || limit === 'access' || actor.type === 'platformAdmin'
  return own ? `${tenantId}|${actorKey(actor)}` : tenantId
}
