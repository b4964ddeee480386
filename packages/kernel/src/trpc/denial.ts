import type { Actor } from '../context/actor.ts'
import { actorKey } from '../context/actor.ts'
import type { AuditEntry } from '../context/dependencies.ts'
import type { RequestContext } from '../context/request-context.ts'

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
    await writeDenial(ctx, aimedAt, {
      action: 'access.denied',
      outcome: 'denied',
      actor,
      client: ctx.client,
      requestId: ctx.requestId,
      at: dependencies.clock.now(),
      details: { code, ...(operation ? { operation } : {}) },
    })
  } catch (error) {
    ctx.logger.error({ err: error, code }, 'a denial could not be audited')
  }
}

const noTenant = async () => null
const pipeline: Actor = { type: 'system', name: 'pipeline' }

async function writeDenial(
  { dependencies }: RequestContext,
  tenantId: string | null,
  entry: AuditEntry,
): Promise<void> {
  const { database, auditLog } = dependencies
  const inPlatform = database.platformUnit({ actor: pipeline, readOnly: false }, (em) =>
    auditLog.appendPlatform(em, [{ ...entry, tenantId }]),
  )
  if (tenantId === null) return inPlatform
  // Side by side: one after the other would tell by the time it takes that there is such a tenant.
  const inTenant = database.tenantUnit({ tenantId, actor: pipeline, readOnly: false }, (em) =>
    auditLog.append(em, tenantId, [entry]),
  )
  await Promise.all([inPlatform, inTenant])
}
