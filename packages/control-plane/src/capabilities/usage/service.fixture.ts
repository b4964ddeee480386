import pg from 'pg'
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

/** As many more of the same that expired a minute before it was made. */
export async function expireMany(
  { testDatabase }: TestInstallation,
  { reservationId, count }: { reservationId: string; count: number },
): Promise<void> {
  const admin = new pg.Client(testDatabase.adminUrl)
  await admin.connect()
  await admin.query(
    `insert into tenantry.usage_reservations (tenant_id, id, meter, period, span, day, amount, state, reserved_at, expires_at)
     select tenant_id, gen_random_uuid(), meter, period, span, day, 1, 'held', reserved_at, reserved_at - interval '1 minute'
       from tenantry.usage_reservations, generate_series(1, $2) where id = $1`,
    [reservationId, count],
  )
  await admin.end()
}
