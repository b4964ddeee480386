import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import { pageById } from '@tenantry/kernel/contract/page'
import { readWithin } from '@tenantry/kernel/tenancy/tenant-query'
import type { z } from 'zod'
import { type decideLimitRequest, limitRequestErrors, type listLimitRequests, type requestLimit } from '../contract.ts'
import {
  findRequestForUpdate,
  insertRequest,
  type LimitRequest,
  limitOverrides,
  listRequests,
  saveDecision,
} from '../repository.ts'
import { unknownMeters } from './change.ts'
import { limitsOf } from './limits.ts'
import { amountOf, overrideLimits } from './overrides.ts'

export async function list({ em }: TenantContext, { state, limit, cursor }: z.output<typeof listLimitRequests.input>) {
  const found = await listRequests(em, { state, after: cursor, limit: limit + 1 })
  return pageById(found.map(describe), limit)
}

/** Throws `limit_request.already_open`, or `request.invalid` for a meter that is none, and a value that is no more than holds. */
export async function request(ctx: TenantContext, { meter, reason, ...asked }: z.output<typeof requestLimit.input>) {
  const issues = unknownMeters(ctx, [meter], () => 'meter')
  if (issues.length > 0) throw requestErrors.invalid({ issues })
  const value = amountOf(asked.value)
  await refuseNoMore(ctx, meter, value)
  const made = await insertRequest(ctx.em, { meter, value, reason, createdAt: ctx.clock.now() })
  ctx.record('limits.requested', {
    target: targetOf(made),
    changes: { [meter]: { before: null, after: value ?? -1 } },
    details: { reason },
  })
  return describe(made)
}

async function refuseNoMore(ctx: TenantContext, meter: string, value: number | null): Promise<void> {
  const [row] = await readWithin(ctx.em, limitOverrides, [ctx.tenant.id])
  const hardLimit = limitsOf(ctx, row?.overrides ?? []).find((limit) => limit.meter === meter)?.hardLimit ?? null
  if (hardLimit !== null && (value === null || value > hardLimit)) return
  const standing = hardLimit === null ? `${meter} has no limit today.` : `Today ${hardLimit} are allowed: ask for more.`
  throw requestErrors.invalid({ issues: [{ path: 'value', message: standing }] })
}

/** What is approved holds from the same commit on. Throws `limit_request.not_found`, `limit_request.already_decided`. */
export async function decide(
  ctx: TenantContext,
  { requestId, decision, reason }: z.output<typeof decideLimitRequest.input>,
) {
  const found = await findRequestForUpdate(ctx.em, requestId)
  if (found === null) throw limitRequestErrors.not_found()
  if (found.state !== 'open') throw limitRequestErrors.already_decided()
  await saveDecision(ctx.em, found, { state: decision, decisionReason: reason, decidedAt: ctx.clock.now() })
  ctx.record('limits.request_decided', {
    target: targetOf(found),
    changes: { state: { before: 'open', after: decision } },
    details: { reason },
  })
  if (decision === 'approved')
    await overrideLimits(ctx, { [found.meter]: { value: found.value ?? null, expiresAt: null } }, reason)
  return describe(found)
}

const targetOf = ({ id }: LimitRequest) => ({ type: 'limit_request', id })

const describe = ({ id, meter, value, reason, state, decisionReason, createdAt, decidedAt }: LimitRequest) => ({
  id,
  meter,
  value: value ?? null,
  reason,
  state,
  decisionReason: decisionReason ?? null,
  createdAt,
  decidedAt: decidedAt ?? null,
})
