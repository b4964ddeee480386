import { createHash } from 'node:crypto'
import type { EntityManager } from '@mikro-orm/postgresql'
import { type Actor, actorKey } from '../../context/actor.ts'
import type { IdempotentCall, RequestContext } from '../../context/request-context.ts'
import { idempotencyErrors, requestErrors } from '../../contract/errors.ts'
import { IdempotencyRecord, idempotencyRetentionHours } from '../../tenancy/idempotency-record.ts'
import { t } from '../init.ts'

/** Leaves the service, and its transaction, when the answer is known already. */
class ReplayedAnswer extends Error {
  readonly answer: unknown
  constructor(answer: unknown) {
    super('replayed')
    this.answer = answer
  }
}

/** Ends the call with an answer that was given before. */
export function replay(answer: unknown): never {
  throw new ReplayedAnswer(answer)
}

export type { IdempotentCall }

export const idempotency = t.middleware(async ({ ctx, meta, next, path, input }) => {
  const { actor, idempotencyKey } = ctx as RequestContext & { actor: Actor }
  if (idempotencyKey === null || meta?.operation.idempotency === 'none') return next()
  if (!/^[\x21-\x7e]{1,255}$/.test(idempotencyKey)) {
    throw requestErrors.invalid({
      issues: [{ path: 'Idempotency-Key', message: 'Expected 1 to 255 visible ASCII characters.' }],
    })
  }
  if (meta?.operation.idempotency === 'event') return next({ ctx: { eventKey: idempotencyKey } })

  const call: IdempotentCall = {
    key: idempotencyKey,
    principal: actorKey(actor),
    operation: path,
    requestHash: createHash('sha256')
      .update(JSON.stringify(withoutTenant(input)))
      .digest('hex'),
  }
  const result = await next({ ctx: { idempotentCall: call } })
  if (!result.ok && result.error.cause instanceof ReplayedAnswer) {
    ctx.setHeader('Idempotency-Replayed', 'true')
    return { marker: result.marker, ok: true, data: result.error.cause.answer, ctx: undefined } as never
  }
  return result
})

/** However a request names it: the tenant is part of the record's key already. */
function withoutTenant(input: unknown): unknown {
  if (typeof input !== 'object' || input === null) return input
  const { tenantId: _tenantId, ...rest } = input as Record<string, unknown>
  return rest
}

/**
 * Takes the key for the length of the transaction. Throws `idempotency.in_progress` while another holds it and
 * `idempotency.conflict` where it stands for another body; ends the call with the stored answer where there is one.
 */
export async function claimKey(
  ctx: RequestContext,
  em: EntityManager,
  tenantId: string,
  call: IdempotentCall,
): Promise<void> {
  const { sealer, clock } = ctx.dependencies
  const lock = [tenantId, call.principal, call.operation, call.key].join('\n')
  const locked = await em.execute<{ locked: boolean }[]>(
    'select pg_try_advisory_xact_lock(hashtextextended(?, 0)) as locked',
    [lock],
  )
  if (!locked[0]?.locked) throw idempotencyErrors.in_progress({ retryAfterSeconds: 1 })

  const known = await em.findOne(IdempotencyRecord, recordKey(call))
  const retentionMilliseconds = idempotencyRetentionHours * 3_600_000
  if (!known || clock.now().getTime() - known.createdAt.getTime() > retentionMilliseconds) return
  if (known.requestHash !== call.requestHash) throw idempotencyErrors.conflict()
  replay(JSON.parse(sealer.open(known.response, sealContext(tenantId, call))))
}

export async function storeAnswer(
  ctx: RequestContext,
  em: EntityManager,
  { tenantId, call, answer }: { tenantId: string; call: IdempotentCall; answer: unknown },
): Promise<void> {
  const { sealer, clock } = ctx.dependencies
  const response = sealer.seal(JSON.stringify(answer), sealContext(tenantId, call))
  await em.upsert(IdempotencyRecord, {
    tenantId,
    ...recordKey(call),
    requestHash: call.requestHash,
    response,
    createdAt: clock.now(),
  })
}

const recordKey = ({ principal, operation, key }: IdempotentCall) => ({ principal, operation, key })

const sealContext = (tenantId: string, { principal, operation, key }: IdempotentCall) =>
  [tenantId, 'idempotency_records', 'response', principal, operation, key].join('|')
