import type { EventContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import { AppError } from '@tenantry/kernel/errors/app-error'
import type { z } from 'zod'
import { batchedEvent, type trackUsageBatch } from '../contract.ts'
import { countOne } from './track.ts'

type Result = z.output<typeof trackUsageBatch.output>['results'][number]

/** Counts each event for itself. Throws `request.invalid` where one key is given for all of them. */
export async function trackBatch(ctx: EventContext, { events }: z.output<typeof trackUsageBatch.input>) {
  if (ctx.eventKey !== null) {
    const message = 'Give each event an idempotencyKey of its own instead.'
    throw requestErrors.invalid({ issues: [{ path: 'Idempotency-Key', message }] })
  }
  const settled = await Promise.allSettled(events.map(async (event) => countOne(ctx, checked(event))))
  await ctx.services.metering.remembered(ctx.tenant.id)
  return { results: settled.map(resultOf) }
}

function resultOf(settled: PromiseSettledResult<Awaited<ReturnType<typeof countOne>>>): Result {
  if (settled.status === 'fulfilled') return settled.value
  const { reason } = settled
  // What is wrong with one event is its own answer; anything else is nobody's.
  if (!(reason instanceof AppError)) throw reason
  const { code, message, details } = reason
  return { outcome: 'rejected', code, message, ...(details.issues ? { issues: details.issues } : {}) }
}

function checked(event: unknown): z.output<typeof batchedEvent> {
  const parsed = batchedEvent.safeParse(event)
  if (parsed.success) return parsed.data
  throw requestErrors.invalid({
    issues: parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message })),
  })
}
