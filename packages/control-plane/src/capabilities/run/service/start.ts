import type { EventContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import { limitErrors } from '../../limit/index.ts'
import type { UsageItem, WrittenItem } from '../../metering/index.ts'
import { runMeters } from '../../metering/index.ts'
import type { Meter } from '../../plan/index.ts'
import { itemOf, refusalOf, retryAfter, usageErrors } from '../../usage/index.ts'
import type { startRun as startOperation } from '../contract.ts'
import { startRun } from '../repository/write.ts'
import { describe } from './describe.ts'

type Input = z.output<typeof startOperation.input>

/** Throws `usage.limit_exceeded` naming the meter in the way, `usage.unknown_meter`, `usage.idempotency_conflict`. */
export async function start(ctx: EventContext, { workload, parameters, leaseSeconds, idempotencyKey }: Input) {
  const { counter } = metersOf(ctx)
  const input = { metric: counter.key, amount: 1, idempotencyKey }
  const item = itemOf(ctx, { meter: counter, input, mode: 'consume' })
  const { metering } = ctx.services
  const started = await metering.onAccount(ctx.tenant.id, (given) =>
    startRun(given, { item, workload, parameters: parameters ?? null, leaseSeconds }),
  )
  switch (started.outcome) {
    case 'started':
    case 'known':
      await metering.remembered(ctx.tenant.id)
      return { ...describe(started.run, ctx.clock.now()), replayed: started.run.id !== item.id }
    case 'refused': {
      const { meter, limit, used, freeAt } = started
      const message = `All slots of ${meter} are taken.`
      throw limitErrors.limit_exceeded(
        // Slots have no grace.
        { meter, limit, hardLimit: limit, used, remaining: 0, ...retryAfter(ctx, freeAt) },
        message,
      )
    }
    case 'uncounted':
      throw uncounted(ctx, item, started.item)
    case 'conflict':
      throw usageErrors.idempotency_conflict()
    case 'unknown_tenant':
      throw new Error('The tenant has no account')
  }
}

/** A key that an event had before was not a run's. */
const uncounted = (ctx: EventContext, item: UsageItem, written: WrittenItem) =>
  refusalOf(ctx, item, written) ?? usageErrors.idempotency_conflict()

/** A catalogue of one's own need not have them. */
export function metersOf({
  services: { catalogue },
}: Pick<EventContext, 'services'>): Record<'counter' | 'slots', Meter> {
  const named = (key: string, kind: Meter['kind']) => {
    const meter = catalogue.meters[key]
    if (meter?.kind === kind) return meter
    throw usageErrors.unknown_meter({}, `The plan catalogue has no ${kind} "${key}", which runs are held to.`)
  }
  return { counter: named(runMeters.counter, 'counter'), slots: named(runMeters.slots, 'concurrency') }
}
