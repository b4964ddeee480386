import type { EntityManager } from '@mikro-orm/postgresql'
import { DeletionReport } from './entity.ts'

export interface EndedSuspension {
  id: string
  version: number
}

/** Suspended until a moment that has passed. Needs a platform unit of work, as do the next and the reports. */
export async function listEndedSuspensions(em: EntityManager, now: Date): Promise<EndedSuspension[]> {
  return em.execute(
    `select id, version from tenantry.tenants where status = 'suspended' and status_until <= ? order by status_until limit 1000`,
    [now],
  )
}

/** Past their retention, and nothing below them is kept. */
export async function listPurgeable(em: EntityManager, now: Date): Promise<string[]> {
  const rows = await em.execute<{ id: string }[]>(
    /* sql */ `select id from tenantry.tenants due
      where status = 'deleting' and delete_after <= ?
        and not exists (select from tenantry.tenants below where below.parent_id = due.id and below.status <> 'purged')
      order by delete_after limit 1000`,
    [now],
  )
  return rows.map(({ id }) => id)
}

/** Tenants below the bound one that are not being deleted. */
export async function countLiveChildren(em: EntityManager): Promise<number> {
  const [row] = await em.execute<{ count: string }[]>('select directory.live_child_count() as count')
  return Number(row?.count)
}

/** Whether the tenant directly above the bound one is being deleted, or is gone. */
export async function isParentGoing(em: EntityManager): Promise<boolean> {
  const [row] = await em.execute<{ going: boolean }[]>('select directory.is_parent_going() as going')
  return row?.going === true
}

/** Past their retention, and kept by what stands below them. */
export async function listBlockedPurges(em: EntityManager, now: Date): Promise<string[]> {
  const rows = await em.execute<{ id: string }[]>(
    /* sql */ `select id from tenantry.tenants due
      where status = 'deleting' and delete_after <= ?
        and exists (select from tenantry.tenants below where below.parent_id = due.id and below.status not in ('deleting', 'purged'))
      order by delete_after limit 100`,
    [now],
  )
  return rows.map(({ id }) => id)
}

export interface PurgeBatch {
  /** `purged`: nothing was left. `not_due`: it is not being deleted, or may still be restored, or somebody was quicker. */
  outcome: 'deleted' | 'purged' | 'not_due' | 'has_children'
  deleted: number
}

/** Deletes rows of the bound tenant, so many at the most, where the database finds that it may. */
export async function purgeBatch(em: EntityManager, rows: number): Promise<PurgeBatch> {
  const sql = 'select outcome, deleted from lifecycle.purge_batch(?)'
  const [batch] = await em.execute<{ outcome: PurgeBatch['outcome']; deleted: string }[]>(sql, [rows])
  if (!batch) throw new Error('The purge answered nothing')
  return { outcome: batch.outcome, deleted: Number(batch.deleted) }
}

export async function findReport(em: EntityManager, purgedTenantId: string): Promise<DeletionReport | null> {
  return em.findOne(DeletionReport, { purgedTenantId })
}

/** The last first; those before the report of the tenant `after`. */
export async function listReports(
  em: EntityManager,
  { after, limit }: { after: string | null; limit: number },
): Promise<DeletionReport[]> {
  const last = after === null ? null : await findReport(em, after)
  const before = last && {
    $or: [
      { startedAt: { $lt: last.startedAt } },
      { startedAt: last.startedAt, purgedTenantId: { $lt: last.purgedTenantId } },
    ],
  }
  return em.find(DeletionReport, before ?? {}, { orderBy: { startedAt: 'desc', purgedTenantId: 'desc' }, limit })
}
