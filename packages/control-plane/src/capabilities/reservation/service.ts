import type { EventContext, TenantContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import { newId } from '@tenantry/kernel/tenancy/id'
import type { z } from 'zod'
import { periodOfTenant } from '../metering/index.ts'
import { planNamed } from '../plan/index.ts'
import { checkAmount, getMeter, itemOf, refusalOf, standingOf } from '../usage/index.ts'
import {
  type commitReservation,
  type getReservation,
  type releaseReservation,
  reservationErrors,
  type reserveUsage,
} from './contract.ts'
import * as repository from './repository.ts'

/** Throws `usage.limit_exceeded`, `usage.unknown_meter`, `usage.idempotency_conflict`, `reservation.too_many`, `reservation.already_settled`. */
export async function reserve(ctx: EventContext, input: z.output<typeof reserveUsage.input>) {
  const meter = getMeter(ctx, input.metric)
  checkAmount(meter, input.amount)
  const item = itemOf(ctx, { meter, input, mode: 'consume' })
  const { periodAnchor } = planNamed(ctx.services.catalogue, ctx.tenant.plan)
  const { endsAt } = periodOfTenant(meter.period, item.occurredAt, ctx.tenant, periodAnchor)
  const wanted = {
    item,
    periodEndsAt: endsAt,
    expiresAt: new Date(item.occurredAt.getTime() + input.ttlSeconds * 1_000),
  }
  const reserved = await ctx.services.metering.onAccount(ctx.tenant.id, async (given) => {
    const answer = await repository.reserve(given, wanted)
    return answer.outcome === 'unresolved' ? 'unready' : { answer, counters: [], alerted: answer.alerted }
  })
  const { outcome, id, expiresAt, held } = reserved
  if (outcome === 'already_settled') throw reservationErrors.already_settled()
  if (outcome === 'too_many') throw reservationErrors.too_many({ retryAfterSeconds: 1 })
  const written = { ...reserved, outcome, first: null }
  const refusal = refusalOf(ctx, item, written)
  if (refusal !== null) throw refusal
  if (id === null || expiresAt === null) throw new Error(`A reservation was answered ${outcome}`)
  await forget(ctx)
  return {
    id,
    outcome: outcome === 'duplicate' ? ('duplicate' as const) : ('accepted' as const),
    amount: input.amount,
    expiresAt,
    held,
    ...standingOf(ctx, meter, item, written),
  }
}

/** Throws `reservation.not_found`. */
export async function get({ em, clock }: TenantContext, { reservationId }: z.output<typeof getReservation.input>) {
  const found = await repository.findReservation(em, reservationId)
  if (found === null) throw reservationErrors.not_found()
  const { id, meter: metric, amount, state, committed, idempotencyKey, reservedAt, expiresAt, settledAt } = found
  const hasExpired = state === 'held' && expiresAt <= clock.now()
  return {
    id,
    metric,
    amount,
    state: hasExpired ? ('expired' as const) : state,
    committed: committed ?? null,
    idempotencyKey: idempotencyKey ?? null,
    properties: (found.properties ?? null) as z.output<typeof getReservation.output>['properties'],
    reservedAt,
    expiresAt,
    settledAt: settledAt ?? null,
  }
}

/** Throws `reservation.not_found`, `reservation.already_settled`. */
export const commit = (ctx: EventContext, input: z.output<typeof commitReservation.input>) =>
  settle(ctx, { reservationId: input.reservationId, amount: input.amount ?? 'all' })

/** Throws `reservation.not_found`, `reservation.already_settled`. */
export const release = (ctx: EventContext, { reservationId }: z.output<typeof releaseReservation.input>) =>
  settle(ctx, { reservationId, amount: null })

async function settle(
  ctx: EventContext,
  { reservationId, amount }: { reservationId: string; amount: number | 'all' | null },
) {
  const wanted = { tenantId: ctx.tenant.id, reservationId, eventId: newId(), amount }
  const settled = await ctx.services.metering.onAccount(ctx.tenant.id, async (given) => {
    const answer = await repository.settle(given, wanted)
    if (answer === 'unresolved') return 'unready'
    const { counters, alerted } = typeof answer === 'string' ? { counters: [], alerted: [] } : answer
    return { answer, counters, alerted }
  })
  if (settled === 'not_found') throw reservationErrors.not_found()
  if (settled === 'settled_otherwise') throw reservationErrors.already_settled()
  if (typeof settled === 'string') throw new Error(`A reservation was answered ${settled}`)
  await ctx.services.metering.remembered(ctx.tenant.id)
  await forget(ctx)
  if (settled.outcome === 'uncountable') {
    const message = 'The count would be larger than can be told exactly.'
    throw requestErrors.invalid({ issues: [{ path: 'amount', message }] })
  }
  const { settledAs, reserved, committed, reservedAt } = settled
  // The catalogue may have lost the meter since: it is settled all the same, and nothing is known to reset it.
  const meter = ctx.services.catalogue.meters[settled.meter] ?? { key: settled.meter, period: 'none' as const }
  return {
    id: reservationId,
    outcome: settled.outcome === 'duplicate' ? ('duplicate' as const) : ('accepted' as const),
    settledAs,
    reserved,
    amount: committed ?? 0,
    ...standingOf(ctx, meter, { occurredAt: reservedAt }, { ...settled, first: null }),
  }
}

const forget = ({ services, tenant }: EventContext) => services.cache.invalidate(tenant.id, 'usage')
