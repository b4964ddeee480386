import { operator, type TestInstallation } from '../../testing.ts'
import { UsageCounter, UsageDaily, UsageEvent } from '../metering/entity.ts'

/** A clock that stands still until it is set. */
export function createTestClock(start: string) {
  let at = new Date(start)
  return {
    now: () => at,
    set: (instant: string) => {
      at = new Date(instant)
    },
  }
}

/** Everything that was written down about a tenant's usage. */
export function usageRows({ database }: TestInstallation, tenantId: string) {
  return database.platformUnit({ actor: operator, readOnly: true }, async (em) => ({
    counters: await em.find(UsageCounter, { tenantId }, { orderBy: { meter: 'asc', period: 'asc' } }),
    daily: await em.find(UsageDaily, { tenantId }, { orderBy: { meter: 'asc', day: 'asc' } }),
    events: await em.find(UsageEvent, { tenantId }, { orderBy: { id: 'asc' } }),
  }))
}
