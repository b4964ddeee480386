import { type Actor, actorKey } from '../context/actor.ts'
import type { TenantAccess } from '../context/dependencies.ts'
import type { RequestContext } from '../context/request-context.ts'
import type { AnyOperation } from '../contract/operation.ts'
import { isUuid } from '../tenancy/id.ts'
import { writeEntryAlone } from './entry-alone.ts'

/** A console that asks again and again is written down once for each operator, tenant and operation. */
const budget = { points: 1, windowSeconds: 60 }

export interface Use {
  actor: Extract<Actor, { type: 'platformAdmin' }>
  access: TenantAccess | null
  operation: AnyOperation
  /** Path of the procedure. */
  path: string
  rawInput: unknown
}

/**
 * Audits what an operator looked at, or called without leaving an entry, before the answer is given. Never fails the
 * call.
 */
export async function recordOperatorUse(
  ctx: RequestContext,
  { actor, access, operation, path, rawInput }: Use,
): Promise<void> {
  const reachesTenants = access !== null || operation.unitOfWork === 'platform' || operation.operatorSpansTenants
  if (!reachesTenants) return
  const { rateLimits } = ctx.dependencies
  const tenantId = access?.tenant.id ?? null
  const concernsTenantId = tenantId ?? namedIn(rawInput, 'tenantId')
  const userId = operation.unitOfWork === 'platform' ? namedIn(rawInput, 'userId') : null
  const action = operation.type === 'mutation' ? 'platform.call' : 'platform.read'
  const key = `${actorKey(actor)} ${concernsTenantId ?? userId} ${path}`
  try {
    const { allowed, window } = await rateLimits.consume('operator', key, budget)
    if (!allowed) return
    const entry = {
      tenantId,
      concernsTenantId,
      actor,
      action,
      outcome: 'success' as const,
      details: { operation: path },
      ...(userId === null ? {} : { target: { type: 'user', id: userId } }),
    }
    await writeEntryAlone(ctx, entry).catch(async (error: unknown) => {
      await rateLimits.refund('operator', key, window)
      throw error
    })
  } catch (error) {
    ctx.dependencies.metrics.auditFailed(action)
    ctx.logger.error({ err: error, operation: path }, 'the use by an operator could not be audited')
  }
}

/** Of an operation on the platform that is about one tenant, or one person. */
function namedIn(rawInput: unknown, field: 'tenantId' | 'userId'): string | null {
  const named = (rawInput as Record<typeof field, unknown> | null | undefined)?.[field]
  return typeof named === 'string' && isUuid(named) ? named : null
}
