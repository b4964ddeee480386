import type { EntityManager } from '@mikro-orm/postgresql'
import { UsageAlert } from '../entity.ts'

export interface PendingAlert {
  meter: string
  /** Of the limit; null is its end. */
  percent: number | null
  used: number
  included: number
  hardLimit: number
  raisedAt: Date
}

/** The alerts of the tenant that nobody was told of, the lowest first: told when this transaction commits, and not again. */
export async function takeAlerts(em: EntityManager, now: Date): Promise<PendingAlert[]> {
  const rows = await em.execute<Record<string, unknown>[]>(
    /* sql */ `select meter, percent, used, included, hard_limit, raised_at from metering.take_alerts(?)
      order by raised_at, meter, percent = 0, percent`,
    [now],
  )
  return rows.map((row) => ({
    meter: String(row.meter),
    percent: row.percent === 0 ? null : Number(row.percent),
    used: Number(row.used),
    included: Number(row.included),
    hardLimit: Number(row.hard_limit),
    raisedAt: new Date(row.raised_at as string),
  }))
}

/** Tenants whose alerts were raised before that instant and still wait; the oldest first, and as many at the most. */
export async function listWaitingTenants(em: EntityManager, before: Date, limit: number): Promise<string[]> {
  const waiting = await em.find(
    UsageAlert,
    { announcedAt: null, raisedAt: { $lt: before } },
    { orderBy: { raisedAt: 'asc' }, limit, fields: ['tenantId'] },
  )
  return [...new Set(waiting.map(({ tenantId }) => tenantId))]
}
