import type { Actor } from '../context/actor.ts'
import { actorKey } from '../context/actor.ts'
import type { AuditEntry } from '../context/dependencies.ts'
import type { RequestContext } from '../context/request-context.ts'

/** A caller that is refused again and again is written down this often; the metric counts every time. */
const budget = { points: 30, windowSeconds: 60 }

/**
 * Audits a refused attempt in a transaction of its own: in the log of the tenant it was aimed at, where that exists,
 * and in the platform's. Never fails the request, which is refused already.
 */
export async function recordDenial(ctx: RequestContext, actor: Actor, tenantId: string | null, code: string, operation?: string): Promise<void> {
  const { dependencies } = ctx
  dependencies.metrics.denied(code)
  const key = actor.type === 'anonymous' ? `address:${ctx.client.address}` : actorKey(actor)
  try {
    if (!(await dependencies.rateLimits.consume('denied', key, budget)).allowed) return
    const entry: AuditEntry = {
      action: 'access.denied',
      outcome: 'denied',
      actor,
      client: ctx.client,
      requestId: ctx.requestId,
      at: dependencies.clock.now(),
      details: { code, ...(operation ? { operation } : {}) },
    }
    const pipeline: Actor = { type: 'system', name: 'pipeline' }
    if (tenantId !== null) {
      await dependencies.database.tenantUnit({ tenantId, actor: pipeline, readOnly: false }, (em) =>
        dependencies.auditLog.append(em, tenantId, [entry]),
      )
    }
    await dependencies.database.platformUnit({ actor: pipeline, readOnly: false }, (em) =>
      dependencies.auditLog.appendPlatform(em, [{ ...entry, tenantId }]),
    )
  } catch (error) {
    ctx.logger.error({ err: error, code }, 'a denial could not be audited')
  }
}
