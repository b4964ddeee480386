import type { EventContext } from '@tenantry/kernel/context/request-context'
import { retryAfter } from '../../usage/index.ts'
import { runErrors } from '../contract.ts'
import { renewRun } from '../repository/write.ts'
import { describe } from './describe.ts'

/** Throws `run.not_found`, `run.lease_lost`, `run.already_ended`. */
export async function heartbeat(ctx: EventContext, { runId }: { runId: string }) {
  const { metering } = ctx.services
  const renewed = await metering.onAccount(ctx.tenant.id, (given) =>
    renewRun(given, { tenantId: ctx.tenant.id, id: runId }),
  )
  switch (renewed.outcome) {
    case 'renewed':
      await metering.remembered(ctx.tenant.id)
      return describe(renewed.run, ctx.clock.now())
    case 'refused': {
      const { meter, limit, used, freeAt } = renewed
      throw runErrors.lease_lost({ meter, limit, used, ...retryAfter(ctx, freeAt) })
    }
    case 'ended':
      throw runErrors.already_ended({ state: renewed.run.state })
    case 'not_found':
      throw runErrors.not_found()
  }
}
