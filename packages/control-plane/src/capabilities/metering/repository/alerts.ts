import type { EntityManager } from '@mikro-orm/postgresql'
import { MeterLimit, UsageAlert, UsageCounter } from '../entity.ts'

export interface PendingAlert {
  meter: string
  /** Of the limit; null is its end. */
  percent: number | null
  used: number
  included: number
  hardLimit: number
  raisedAt: Date
  /** In which it is raised once, for that version of the limit. */
  span: string
  limitVersion: number
  /** Of the limit as it is now. */
  graceDays: number
  /** When it first came to stand above what is included; null where it has not. */
  overSince: Date | null
  /** Whether that was in this span, for which grace is given once. */
  isSameSpan: boolean
}

/** The alerts of the tenant that nobody was told of, the lowest first: told when this transaction commits, and not again. */
export async function takeAlerts(em: EntityManager, now: Date): Promise<PendingAlert[]> {
  const rows = await em.execute<Record<string, unknown>[]>(
    /* sql */ `select meter, percent, used, included, hard_limit, raised_at, period, limit_version
      from metering.take_alerts(?) order by raised_at, meter, percent = 0, percent`,
    [now],
  )
  if (rows.length === 0) return []
  // Not beside the taking: a statement that began before it might not see what the alert was raised with.
  const meter = { $in: rows.map((row) => String(row.meter)) }
  const limits = await em.find(MeterLimit, { meter })
  const period = { $in: ['total', ...rows.map((row) => String(row.period))] }
  const counters = await em.find(UsageCounter, { meter, period, overSince: { $ne: null } })
  return rows.map((row) => pendingAlert(row, limits, counters))
}

function pendingAlert(
  row: Record<string, unknown>,
  limits: readonly MeterLimit[],
  counters: readonly UsageCounter[],
): PendingAlert {
  const [meter, span] = [String(row.meter), String(row.period)]
  // What has no period has one counter, and is told of anew in every month.
  const counter = counters.find((one) => one.meter === meter && [span, 'total'].includes(one.period))
  return {
    meter,
    percent: row.percent === 0 ? null : Number(row.percent),
    used: Number(row.used),
    included: Number(row.included),
    hardLimit: Number(row.hard_limit),
    raisedAt: new Date(row.raised_at as string),
    span,
    limitVersion: Number(row.limit_version),
    graceDays: limits.find((limit) => limit.meter === meter)?.graceDays ?? 0,
    overSince: counter?.overSince ?? null,
    isSameSpan: counter?.overSpan === span,
  }
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
