import type { Actor } from '../context/actor.ts'
import { actorKey } from '../context/actor.ts'
import type { RequestContext } from '../context/request-context.ts'
import { writeEntryAlone } from './entry-alone.ts'

/**
 * A caller that is refused again and again is written down this often for each tenant it aims at, so that no noise
 * hides an attempt; the metric counts every time.
 */
const budget = { points: 30, windowSeconds: 60 }

export interface Denial {
  actor: Actor
  code: string
  operation?: string
  tenantId?: () => Promise<string | null>
}

/**
 * Audits a refused attempt in a transaction of its own: in the log of the tenant it was aimed at, where that exists,
 * and in the platform's. Never fails the request, which is refused already.
 */
export async function recordDenial(
  ctx: RequestContext,
  { actor, code, operation, tenantId = noTenant }: Denial,
): Promise<void> {
  const { dependencies } = ctx
  dependencies.metrics.denied(code)
  const caller = actor.type === 'anonymous' ? `address:${ctx.client.address}` : actorKey(actor)
  try {
    const aimedAt = await tenantId()
    if (!(await dependencies.rateLimits.consume('denied', `${caller} ${aimedAt}`, budget)).allowed) return
    await writeEntryAlone(ctx, {
      tenantId: aimedAt,
      action: 'access.denied',
      outcome: 'denied',
      actor,
      details: { code, ...(operation ? { operation } : {}) },
    })
  } catch (error) {
    ctx.logger.error({ err: error, code }, 'a denial could not be audited')
  }
}

const noTenant = async () => null
