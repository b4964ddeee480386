import type { EventContext } from '@tenantry/kernel/context/request-context'
import { newId } from '@tenantry/kernel/tenancy/id'
import type { z } from 'zod'
import { runMeters, spanOf } from '../../metering/index.ts'
import { planNamed } from '../../plan/index.ts'
import { type completeRun, runErrors } from '../contract.ts'
import { endRun } from '../repository/write.ts'
import { describe } from './describe.ts'

/** Throws `run.not_found`, and `run.already_ended` where it ended otherwise. */
export async function complete(ctx: EventContext, { runId, outcome }: z.output<typeof completeRun.input>) {
  const { metering } = ctx.services
  const wanted = { tenantId: ctx.tenant.id, id: runId, state: outcome, currentPeriod: periodNow(ctx), eventId: newId() }
  const ended = await metering.onAccount(ctx.tenant.id, (given) => endRun(given, wanted))
  if (ended.outcome === 'not_found') throw runErrors.not_found()
  if (ended.outcome === 'ended') throw runErrors.already_ended({ state: ended.run.state })
  await metering.remembered(ctx.tenant.id)
  return describe(ended.run, ctx.clock.now())
}

function periodNow({ services: { catalogue }, tenant, clock }: EventContext): string {
  const { period } = catalogue.meters[runMeters.counter] ?? { period: 'total' }
  return spanOf(period, clock.now(), tenant, planNamed(catalogue, tenant.plan).periodAnchor).period
}
