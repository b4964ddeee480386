import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import { newId } from '@tenantry/kernel/tenancy/id'
import { periodOf, type UsageItem } from '../src/capabilities/metering/index.ts'
import { hasEvent } from '../src/capabilities/usage/index.ts'

const days = 90
const dayMilliseconds = 86_400_000
const megabyte = 1024 * 1024

/** The same figures at every installation: a week with quiet weekends that grows by half over the time. */
function shapeOf(day: number, weekday: number): number {
  const weekend = weekday >= 6 ? 0.25 : 1
  const wobble = 0.85 + ((day * 37) % 31) / 100
  return weekend * wobble * (1 + (days - day) / (2 * days))
}

const meters = [
  { meter: 'tokens', daily: 19_000 },
  { meter: 'api_calls', daily: 2_400 },
  { meter: 'pipeline_runs', daily: 4 },
  { meter: 'bandwidth', daily: 220 * megabyte },
  { meter: 'conversations', daily: 2.4 },
  { meter: 'storage', daily: 21 * megabyte },
]

const keyOf = (meter: string, day: number) => `seed-${meter}-${day}`

/** Believable usage of the last ninety days, counted by the same function as any; all of it, once. */
export async function seedUsage({ database, clock, services }: Dependencies, tenantId: string): Promise<void> {
  const now = clock.now()
  const unit = { tenantId, actor: { type: 'system', name: 'seed' }, readOnly: true } as const
  // By its last event, for a start that was cut short before must be completed, and later days add nothing.
  if (await database.tenantUnit(unit, (em) => hasEvent(em, keyOf('tokens', 0)))) return
  const timezone = 'UTC'
  const items = Array.from({ length: days + 1 }, (_, index) => days - index).flatMap((day) => {
    const occurredAt = new Date(now.getTime() - day * dayMilliseconds)
    const shape = shapeOf(day, ((occurredAt.getUTCDay() + 6) % 7) + 1)
    return meters.flatMap(({ meter, daily }): UsageItem[] => {
      const declared = services.catalogue.meters[meter]
      const amount = Math.round(daily * shape)
      if (!declared || amount < 1) return []
      const period = periodOf(declared.period, occurredAt, { timezone }).key
      return [
        {
          tenantId,
          meter,
          period,
          span: declared.period === 'none' ? periodOf('month', occurredAt, { timezone }).key : period,
          isCurrent: day === 0,
          id: newId(),
          key: keyOf(meter, day),
          amount,
          mode: 'track',
          sequence: null,
          day: periodOf('day', occurredAt, { timezone }).key,
          occurredAt,
          properties: null,
        },
      ]
    })
  })
  await Promise.all(items.map((item) => services.metering.write(item)))
  await services.metering.remembered(tenantId)
}
