import type { EntityManager } from '@mikro-orm/postgresql'

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
