import { actorKey } from '@tenantry/kernel/context/actor'
import type { SequenceContext } from '@tenantry/kernel/context/request-context'
import { idempotencyErrors } from '@tenantry/kernel/contract/errors'
import { newId } from '@tenantry/kernel/tenancy/id'
import type { z } from 'zod'
import type { createTenant as createOperation } from '../contract.ts'
import { findOnboarding, type Onboarding } from '../repository.ts'
import { begin } from './begin.ts'
import { type Answer, provision } from './provision.ts'
import { refuseUnlessAllowed } from './refusals.ts'
import { open } from './sealed.ts'

export type CreateInput = z.output<typeof createOperation.input>

/** What whoever works on an onboarding holds: one name for all that ask with the same key. */
export const nameOf = (onboarding: Pick<Onboarding, 'principal' | 'key' | 'tenantId'>) =>
  ['onboarding', ...(onboarding.key ? [onboarding.principal, onboarding.key] : [onboarding.tenantId])].join('\n')

/**
 * Throws `idempotency.in_progress` while the same request is at work, `idempotency.conflict` where its key stands for
 * another body, and whatever is wrong with the request.
 */
export async function create(ctx: SequenceContext, input: CreateInput) {
  refuseUnlessAllowed(ctx, input)
  const { idempotentCall: call } = ctx
  const request = {
    tenantId: newId(),
    principal: actorKey(ctx.actor),
    key: call?.key ?? null,
    requestHash: call?.requestHash ?? null,
  }
  // Nobody else can ask for it, and the job leaves each step to who does it first.
  if (call === null) return provision(ctx, await begin(ctx, request, input), 'waits')
  const answer = await ctx.exclusively(nameOf(request), async () => {
    const known = await ctx.unit.platform(({ em, clock }) => findOnboarding(em, call, clock.now()))
    if (!known) return provision(ctx, await begin(ctx, request, input), 'waits')
    if (known.requestHash !== request.requestHash) throw idempotencyErrors.conflict()
    const given = open<Answer>(ctx.sealer, known, 'response')
    return given === null ? provision(ctx, known, 'waits') : ctx.replay(given)
  })
  if (answer === null) throw idempotencyErrors.in_progress({ retryAfterSeconds: 1 })
  return answer
}
