import type { Actor } from '@tenantry/kernel/context/actor'
import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import { newId } from '@tenantry/kernel/tenancy/id'
import { cachedNames } from '../../tenant/index.ts'
import { findReport, listPurgeable, type PurgeBatch, purgeBatch } from '../repository.ts'
import { describeReport } from './reports.ts'

const actor: Actor = { type: 'system', name: 'tenants.purge' }

export interface PurgeOptions {
  /** Deleted in one transaction. */
  rowsPerBatch?: number
  /** It begins no batch after that; whoever calls it again goes on. */
  until?: Date
}

export type PurgeOutcome = Exclude<PurgeBatch['outcome'], 'deleted'> | 'unfinished'

/** Purges whatever is past its retention. What could not be purged is logged, and no other waits for it. */
export async function purgeDue(dependencies: Dependencies, options: PurgeOptions = {}) {
  const { database, clock, logger } = dependencies
  const due = await database.platformUnit({ actor, readOnly: true }, (em) => listPurgeable(em, clock.now()))
  const tenants = { purged: 0, unfinished: 0, failed: 0 }
  for (const tenantId of due) {
    try {
      const outcome = await purgeTenant(dependencies, tenantId, options)
      if (outcome === 'purged' || outcome === 'unfinished') tenants[outcome] += 1
    } catch (error) {
      tenants.failed += 1
      logger.error({ err: error, tenantId }, 'a tenant could not be purged')
    }
  }
  return tenants
}

/**
 * Deletes all rows of a tenant that is past its retention, batch after batch. It may be cut short anywhere, and several
 * may be at it. Whether it may be purged the database decides, by its own clock.
 */
export async function purgeTenant(
  dependencies: Dependencies,
  tenantId: string,
  { rowsPerBatch = 5_000, until }: PurgeOptions = {},
): Promise<PurgeOutcome> {
  const { clock, services } = dependencies
  let outcome: PurgeBatch['outcome'] = 'deleted'
  while (outcome === 'deleted') {
    if (until && clock.now() >= until) return 'unfinished'
    outcome = await purgeSome(dependencies, tenantId, rowsPerBatch)
  }
  if (outcome === 'purged') {
    services.forgetAccess(tenantId)
    for (const name of cachedNames) await services.cache.invalidate(tenantId, name)
  }
  return outcome
}

async function purgeSome({ database, auditLog, clock }: Dependencies, tenantId: string, rows: number) {
  const unit = { tenantId, actor, readOnly: false, asOperator: true }
  return database.tenantUnit(unit, async (em) => {
    const { outcome } = await purgeBatch(em, rows)
    const report = outcome === 'purged' ? await findReport(em, tenantId) : null
    if (report) {
      // The tenant's own log has gone with it.
      const entry = {
        action: 'tenant.purged',
        outcome: 'success' as const,
        actor,
        client: { address: null, userAgent: null },
        requestId: newId(),
        at: clock.now(),
        target: { type: 'tenant', id: tenantId },
        details: { hash: describeReport(report).hash },
        tenantId,
      }
      await auditLog.appendPlatform(em, [entry])
    }
    return outcome
  })
}
