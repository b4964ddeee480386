import type { Actor } from '@tenantry/kernel/context/actor'
import type { Database, FormerTimezone } from '@tenantry/kernel/context/dependencies'
import type { StoredOverride } from '../../limit/index.ts'
import { plainArray, textArray } from '../rules/batch.ts'

type Writer = Pick<Database, 'writeSigned'>

/** What a tenant's limits are made of. */
export interface LimitSources {
  tenantId: string
  /** Rises with every change of what stands here. */
  changes: number
  plan: string
  /** Null where it keeps its own. */
  scheduledChange: { plan: string; effectiveAt: Date } | null
  timezone: string
  formerTimezones: FormerTimezone[]
  createdAt: Date
  overrides: StoredOverride[]
}

export interface ResolvedLimit {
  meter: string
  /** Null is unlimited. */
  included: number | null
  grace: number
  graceDays: number
  alertPercents: readonly number[]
  source: string
  /** Null where usage is reported to us. */
  countedFrom: string | null
  /** The current one: what is used in it already is looked at at once. */
  period: string
  span: string
}

export interface ResolvedLimits {
  tenantId: string
  changes: number
  /** When the first of what they were made of ends. */
  nextChangeAt: Date | null
  limits: ResolvedLimit[]
}

/**
 * The number under which limits of this catalogue are kept: a higher one each time that another catalogue is entered. Null
 * where another is in force and must not be replaced.
 */
export async function enterCatalogue(
  database: Writer,
  { digest, now, replaces }: { digest: string; now: Date; replaces: boolean },
): Promise<number | null> {
  const [row] = await database.writeSigned<{ revision: number | null }>(
    'select metering.enter_catalogue($1, $2, $3, $4) as revision',
    [digest, now.toISOString(), String(replaces)],
  )
  return row?.revision ?? null
}

/** Of the catalogue that was entered last; null before the first. */
export async function findLatestDigest(database: Pick<Database, 'platformRead'>, actor: Actor): Promise<string | null> {
  const text = 'select digest from tenantry.catalogue_revisions order by revision desc limit 1'
  const [latest] = await database.platformRead<{ digest: string }>(actor, { text })
  return latest?.digest ?? null
}

export async function readLimitSources(database: Writer, tenantIds: readonly string[]): Promise<LimitSources[]> {
  const rows = await database.writeSigned<Record<string, unknown>>(
    `select tenant_id as "tenantId", changes, plan, timezone, former_timezones as "formerTimezones",
            created_at as "createdAt", overrides, scheduled_plan as "scheduledPlan", scheduled_at as "scheduledAt"
       from metering.limit_sources($1, $2)`,
    [plainArray(tenantIds)],
  )
  // The driver leaves bigints as texts.
  return rows.map(({ scheduledPlan, scheduledAt, ...row }) => {
    const scheduledChange =
      scheduledPlan === null ? null : { plan: scheduledPlan, effectiveAt: new Date(scheduledAt as string) }
    return { ...row, scheduledChange, changes: Number(row.changes) } as LimitSources
  })
}

/**
 * Keeps the limits of those tenants that have not changed since they were read; where it is not `patient`, only of those
 * that nobody holds. Returns the tenants with new alerts.
 */
export async function saveLimits(
  database: Writer,
  resolved: readonly ResolvedLimits[],
  { now, catalogueRevision, patient }: { now: Date; catalogueRevision: number; patient: boolean },
): Promise<string[]> {
  const rows = resolved.flatMap(({ tenantId, limits }) => limits.map((limit) => ({ tenantId, ...limit })))
  const values = [
    now.toISOString(),
    String(catalogueRevision),
    plainArray(resolved.map(({ tenantId }) => tenantId)),
    plainArray(resolved.map(({ changes }) => changes)),
    plainArray(resolved.map(({ nextChangeAt }) => nextChangeAt?.toISOString() ?? null)),
    plainArray(rows.map(({ tenantId }) => tenantId)),
    textArray(rows.map(({ meter }) => meter)),
    plainArray(rows.map(({ included }) => included)),
    plainArray(rows.map(({ grace }) => grace)),
    plainArray(rows.map(({ graceDays }) => graceDays)),
    textArray(rows.map(({ alertPercents }) => plainArray(alertPercents))),
    textArray(rows.map(({ source }) => source)),
    textArray(rows.map(({ countedFrom }) => countedFrom)),
    textArray(rows.map(({ period }) => period)),
    textArray(rows.map(({ span }) => span)),
  ]
  const given = values.map((_, index) => `$${index + 2}`).join(', ')
  const [row] = await database.writeSigned<{ alerted: string | null }>(
    `select metering.save_limits($1, ${patient}, ${given}) as alerted`,
    values,
  )
  return row?.alerted ? row.alerted.split(',') : []
}
