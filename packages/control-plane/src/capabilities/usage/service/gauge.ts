import type { EventContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import type { z } from 'zod'
import type { Meter } from '../../plan/index.ts'
import type { setGauge as setOperation } from '../contract.ts'
import { getMeter, itemOf, write } from './track.ts'

type Setting = Omit<z.output<typeof setOperation.input>, 'tenantId'>

/** Throws `usage.unknown_meter`, `usage.outdated`, or `request.invalid` naming the field. */
export async function setGauge(ctx: EventContext, { meter: key, value, sequence }: Setting) {
  const meter = getMeter(ctx, key)
  requireGauge(meter)
  const item = itemOf(ctx, { meter, input: { metric: key, amount: value }, mode: 'set' })
  const { standing } = await write(ctx, meter, { ...item, sequence: sequence ?? null })
  await ctx.services.metering.remembered(ctx.tenant.id)
  return standing
}

function requireGauge({ key, kind, countedFrom }: Meter): void {
  const refuse = (message: string) => requestErrors.invalid({ issues: [{ path: 'meter', message }] })
  if (kind !== 'gauge') throw refuse(`${key} is no gauge: its usage is tracked.`)
  if (countedFrom !== null) throw refuse(`This gauge is counted from ${countedFrom}; it cannot be set.`)
}
