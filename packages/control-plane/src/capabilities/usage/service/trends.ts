import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import type { z } from 'zod'
import { periodOfTenant } from '../../metering/index.ts'
import type { Meter } from '../../plan/index.ts'
import type { getUsageTrends as trendsOperation } from '../contract.ts'
import { listDaily, type UsedOnDay } from '../repository.ts'
import { countDays, dayAfter, type Granularity, startOf, startsBetween } from '../rules/days.ts'
import { getMeter } from './track.ts'

type Question = z.output<typeof trendsOperation.input>

const mostDays = 400
const usualDays = 30

/** Throws `usage.unknown_meter`, or `request.invalid` naming the field. */
export async function getTrends(ctx: TenantContext, question: Question) {
  const { from, to } = daysOf(ctx, question)
  const { granularity } = question
  const meters = metersOf(ctx, question)
  const daily = await listDaily(ctx.em, { meters: meters.map(({ key }) => key), from, to })
  const starts = startsBetween(granularity, from, to)
  const series = meters.map(({ key, unit }) => {
    const sums = sumsOf(
      daily.filter(({ meter }) => meter === key),
      granularity,
    )
    const points = starts.map((start) => ({ start, ...(sums.get(start) ?? { used: 0, events: 0 }) }))
    return { metric: key, unit, points }
  })
  return { from, to, granularity, series }
}

function sumsOf(daily: UsedOnDay[], granularity: Granularity): Map<string, { used: number; events: number }> {
  const sums = new Map<string, { used: number; events: number }>()
  for (const { day, used, events } of daily) {
    const start = startOf(granularity, day)
    const before = sums.get(start) ?? { used: 0, events: 0 }
    sums.set(start, { used: before.used + used, events: before.events + events })
  }
  return sums
}

function daysOf(ctx: TenantContext, question: Question): { from: string; to: string } {
  const to = question.to ?? periodOfTenant('day', ctx.clock.now(), ctx.tenant).key
  const from = question.from ?? dayAfter(to, 1 - usualDays)
  const refuse = (path: string, message: string) => requestErrors.invalid({ issues: [{ path, message }] })
  if (from > to) throw refuse('to', 'Expected a day that is not before `from`.')
  if (countDays(from, to) > mostDays) throw refuse('from', `Expected at most ${mostDays} days.`)
  return { from, to }
}

function metersOf(ctx: TenantContext, { metric }: Question): Meter[] {
  const isReported = ({ kind, countedFrom }: Meter) => kind !== 'concurrency' && countedFrom === null
  if (metric === undefined) return Object.values(ctx.services.catalogue.meters).filter(isReported)
  return [...new Set(metric)].map((key) => {
    const meter = getMeter(ctx, key)
    if (isReported(meter)) return meter
    throw requestErrors.invalid({ issues: [{ path: 'metric', message: `No days are kept of ${key}.` }] })
  })
}
