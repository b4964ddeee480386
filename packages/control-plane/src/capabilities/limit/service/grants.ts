import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import { pageById } from '@tenantry/kernel/contract/page'
import type { z } from 'zod'
import { type grantLimit, limitGrantErrors, type listLimitGrants, type revokeLimitGrant } from '../contract.ts'
import { insertGrant, type LimitGrant, listGrants, removeGrant } from '../repository.ts'
import { futureOf, takeEffect, unknownMeters } from './change.ts'

/** Those that hold now, the newest first. */
export async function list({ em, clock }: TenantContext, { limit, cursor }: z.output<typeof listLimitGrants.input>) {
  const found = await listGrants(em, { at: clock.now(), after: cursor, limit: limit + 1 })
  return pageById(found.map(describe), limit)
}

/** Throws `request.invalid` for a meter that is none, and an end that has passed. */
export async function grant(
  ctx: TenantContext,
  { meter, amount, reason, ...given }: z.output<typeof grantLimit.input>,
) {
  const issues = unknownMeters(ctx, [meter], () => 'meter')
  const { expiresAt, issue } = futureOf(ctx, given.expiresAt, 'expiresAt')
  if (issue) issues.push(issue)
  if (issues.length > 0) throw requestErrors.invalid({ issues })
  const made = await insertGrant(ctx.em, { meter, amount, reason, expiresAt, createdAt: ctx.clock.now() })
  ctx.record('limits.granted', {
    target: { type: 'limit_grant', id: made.id },
    changes: {
      [meter]: { before: null, after: amount },
      ...(expiresAt && { expiresAt: { before: null, after: expiresAt.toISOString() } }),
    },
    details: { reason },
  })
  takeEffect(ctx)
  return describe(made)
}

/** Throws `limit_grant.not_found`. */
export async function revoke(ctx: TenantContext, { grantId }: z.output<typeof revokeLimitGrant.input>) {
  const removed = await removeGrant(ctx.em, grantId)
  if (removed === null) throw limitGrantErrors.not_found()
  const { id, meter, amount, reason } = removed
  ctx.record('limits.grant_revoked', {
    target: { type: 'limit_grant', id },
    changes: { [meter]: { before: amount, after: null } },
    details: { grantedFor: reason },
  })
  takeEffect(ctx)
  return { id, revokedAt: ctx.clock.now() }
}

const describe = ({ id, meter, amount, reason, expiresAt, createdAt }: LimitGrant) => ({
  id,
  meter,
  amount,
  reason,
  expiresAt: expiresAt ?? null,
  createdAt,
})
