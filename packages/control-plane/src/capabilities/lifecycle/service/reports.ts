import { createHash } from 'node:crypto'
import type { PlatformContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import { deletionReportErrors, type listDeletionReports } from '../contract.ts'
import type { DeletionReport } from '../entity.ts'
import { findReport, listReports } from '../repository.ts'

/** Throws `deletion_report.not_found`. */
export async function getReport(ctx: PlatformContext, { tenantId }: { tenantId: string }) {
  const report = await findReport(ctx.em, tenantId)
  if (!report) throw deletionReportErrors.not_found()
  return describeReport(report)
}

export async function list(ctx: PlatformContext, { limit, cursor }: z.output<typeof listDeletionReports.input>) {
  const found = await listReports(ctx.em, { after: cursor ?? null, limit: limit + 1 })
  const items = found.slice(0, limit).map(describeReport)
  return { items, nextCursor: found.length > limit ? (items.at(-1)?.tenantId ?? null) : null }
}

/** What it has a hash of: another order of the fields is another hash. */
export function describeReport(report: DeletionReport) {
  const { purgedTenantId, requestedBy, requestedAt, deleteAfter, startedAt, completedAt } = report
  const tables = Object.entries(report.tables)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([table, { counted, deleted, left }]) => ({ table, counted, deleted, left: left ?? null }))
  const told = {
    tenantId: purgedTenantId,
    requestedBy,
    requestedAt: requestedAt.toISOString(),
    deleteAfter: deleteAfter.toISOString(),
    startedAt: startedAt.toISOString(),
    completedAt: completedAt?.toISOString() ?? null,
    tables,
  }
  const hash = completedAt ? createHash('sha256').update(JSON.stringify(told)).digest('hex') : null
  return { ...told, hash }
}
