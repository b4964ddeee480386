import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import { readWithin } from '@tenantry/kernel/tenancy/tenant-query'
import type { z } from 'zod'
import { amountOf, limitOverrides, limitsOf, unknownMeters } from '../../limit/index.ts'
import type { EffectiveLimit } from '../../plan/index.ts'
import type { requestLimit } from '../contract.ts'
import { insertRequest } from '../repository.ts'
import { describe, targetOf } from './describe.ts'

/** Throws `limit_request.already_open`, or `request.invalid` for a meter that is none, and a value that is no more than holds. */
export async function request(ctx: TenantContext, { meter, reason, ...asked }: z.output<typeof requestLimit.input>) {
  const issues = unknownMeters(ctx, [meter], () => 'meter')
  if (issues.length > 0) throw requestErrors.invalid({ issues })
  const value = amountOf(asked.value)
  await refuseNoMore(ctx, meter, value)
  const { actor, clock } = ctx
  const requestedById = 'id' in actor ? actor.id : 'name' in actor ? actor.name : actor.type
  const requested = { meter, value, reason, requestedByType: actor.type, requestedById, createdAt: clock.now() }
  const made = await insertRequest(ctx.em, requested)
  ctx.record('limits.requested', {
    target: targetOf(made),
    changes: { [meter]: { before: null, after: value ?? -1 } },
    details: { reason },
  })
  return describe(made)
}

async function refuseNoMore(ctx: TenantContext, meter: string, value: number | null): Promise<void> {
  const { limit } = await currentLimit(ctx, meter)
  if (isMore(value, limit)) return
  const hardLimit = limit?.hardLimit ?? null
  const standing = hardLimit === null ? `${meter} has no limit today.` : `Today ${hardLimit} are allowed: ask for more.`
  throw requestErrors.invalid({ issues: [{ path: 'value', message: standing }] })
}

/** Than holds, grace included. Null is unlimited. */
export function isMore(value: number | null, limit: EffectiveLimit | null): boolean {
  const hardLimit = limit?.hardLimit ?? null
  return hardLimit !== null && (value === null || value > hardLimit)
}

/** As this transaction sees it; no limit of a meter that the catalogue has no more. An override holds whatever the plan. */
export async function currentLimit(ctx: TenantContext, meter: string) {
  const [row] = await readWithin(ctx.em, limitOverrides, [ctx.tenant.id])
  const own = (row?.overrides ?? []).filter((override) => override.meter === meter)
  const holds = (expiresAt: string | null) => expiresAt === null || new Date(expiresAt) > ctx.clock.now()
  return {
    limit: limitsOf(ctx, own).find((limit) => limit.meter === meter) ?? null,
    isOverridden: own.some(({ kind, expiresAt }) => kind === 'override' && holds(expiresAt)),
  }
}
