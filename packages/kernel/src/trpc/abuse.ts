import { type Actor, actorKey } from '../context/actor.ts'
import type { BlockReason } from '../context/dependencies.ts'
import type { RequestContext } from '../context/request-context.ts'
import { authErrors } from '../contract/errors.ts'
import { writeEntryAlone } from './entry-alone.ts'

const action = 'access.blocked'

/** Operators lift blocks, and our own processes are bounded by what calls them. */
function principalOf({ transport }: RequestContext, actor: Actor): string | null {
  const isOutside = transport !== 'internal' && (actor.type === 'user' || actor.type === 'apiKey')
  return isOutside ? actorKey(actor) : null
}

/** Throws `auth.blocked`. */
export function refuseBlocked(ctx: RequestContext, actor: Actor): void {
  const principal = principalOf(ctx, actor)
  const seconds = principal === null ? 0 : ctx.dependencies.abuseGuard.blockedSeconds(principal)
  if (seconds <= 0) return
  ctx.setHeader('Retry-After', String(seconds))
  const message = `You went on with what you were refused, and are blocked for another ${seconds} seconds.`
  throw authErrors.blocked({ retryAfterSeconds: seconds }, message)
}

interface Refused {
  actor: Actor
  /** In whose logs a block is told of; the tenant of a key always is. */
  tenantIds(): Promise<(string | null)[]>
}

/** Requests that count already: the calls of one batch were all under way when the first was refused. */
const exceeding = new WeakSet<RequestContext['credentials']>()

/** Of a limit, which said when to come back; once for each request. */
export async function recordExcess(
  ctx: RequestContext,
  { limit, retryAfterSeconds, ...refused }: Refused & { limit: string; retryAfterSeconds: number },
): Promise<void> {
  const principal = principalOf(ctx, refused.actor)
  if (principal === null || exceeding.has(ctx.credentials)) return
  exceeding.add(ctx.credentials)
  const starts = await ctx.dependencies.abuseGuard.recordExcess(principal, limit, retryAfterSeconds)
  if (starts) await tellOfBlock(ctx, refused, 'limits')
}

/** The limit has let the caller in: what it told before is over. */
export function forgetExcess(ctx: RequestContext, actor: Actor, limit: string): void {
  const principal = principalOf(ctx, actor)
  if (principal !== null) ctx.dependencies.abuseGuard.forgetExcess(principal, limit)
}

/** Of a tenant that the caller does not reach, or of one beside its own. */
export async function recordProbe(
  ctx: RequestContext,
  { reference, ...refused }: Refused & { reference: string },
): Promise<void> {
  const principal = principalOf(ctx, refused.actor)
  if (principal === null) return
  if (await ctx.dependencies.abuseGuard.recordProbe(principal, reference)) await tellOfBlock(ctx, refused, 'probing')
}

/** Once for each block, after the answer. */
async function tellOfBlock(ctx: RequestContext, { actor, tenantIds }: Refused, reason: BlockReason): Promise<void> {
  const { metrics, background, abuseGuard, clock } = ctx.dependencies
  metrics.principalBlocked(reason)
  const at = clock.now()
  const until = new Date(at.getTime() + abuseGuard.blockedSeconds(actorKey(actor)) * 1_000).toISOString()
  await background.start(async () => {
    try {
      const concerned = [...(await tenantIds()), actor.type === 'apiKey' ? actor.tenantId : null]
      const logs = new Set(concerned.filter((tenantId) => tenantId !== null))
      const write = (tenantId: string | null) =>
        writeEntryAlone(ctx, { tenantId, action, outcome: 'denied', at, actor, details: { reason, until } })
      await Promise.all([...(logs.size > 0 ? logs : [null])].map(write))
    } catch (error) {
      metrics.auditFailed(action)
      ctx.logger.error({ err: error, reason }, 'a block could not be audited')
    }
  })
}
