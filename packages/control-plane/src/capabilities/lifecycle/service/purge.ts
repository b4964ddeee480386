import type { Actor } from '@tenantry/kernel/context/actor'
import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import { newId } from '@tenantry/kernel/tenancy/id'
import { cachedNames } from '../../tenant/index.ts'
import { findReport, listBlockedPurges, listPurgeable, type PurgeBatch, purgeBatch } from '../repository.ts'
import { describeReport } from './reports.ts'

const actor: Actor = { type: 'system', name: 'tenants.purge' }

export interface PurgeOptions {
  /** Deleted in one transaction. */
  rowsPerBatch?: number
  /** Of one call; as many as it takes unless told. */
  batches?: number
  /** It begins no batch after that; whoever calls it again goes on. */
  until?: Date
}

export type PurgeOutcome = Exclude<PurgeBatch['outcome'], 'deleted'> | 'unfinished'

/**
 * Purges whatever is past its retention, one batch of each in turn, so that none waits for a large one. What could not be
 * purged, and what something below keeps from it, is logged.
 */
export async function purgeDue(dependencies: Dependencies, options: PurgeOptions = {}) {
  const { database, clock, logger } = dependencies
  const [due, blocked] = await database.platformUnit({ actor, readOnly: true }, async (em) => [
    await listPurgeable(em, clock.now()),
    await listBlockedPurges(em, clock.now()),
  ])
  if (blocked.length > 0)
    logger.warn({ tenantIds: blocked }, 'tenants are due to be purged, and others stand below them')
  const tenants = { purged: 0, unfinished: 0, failed: 0 }
  let waiting = due
  while (waiting.length > 0) {
    const unfinished: string[] = []
    for (const tenantId of waiting) {
      const outcome = await purgeTenant(dependencies, tenantId, { ...options, batches: 1 }).catch((error: unknown) => {
        logger.error({ err: error, tenantId }, 'a tenant could not be purged')
        return 'failed' as const
      })
      if (outcome === 'unfinished') unfinished.push(tenantId)
      else if (outcome === 'purged' || outcome === 'failed') tenants[outcome] += 1
    }
    waiting = unfinished
    if (options.until && clock.now() >= options.until) break
  }
  return { ...tenants, unfinished: waiting.length }
}

/**
 * Deletes all rows of a tenant that is past its retention, batch after batch. It may be cut short anywhere, and several
 * may be at it. Whether it may be purged the database decides, by its own clock.
 */
export async function purgeTenant(
  dependencies: Dependencies,
  tenantId: string,
  { rowsPerBatch = 5_000, until, batches = Number.POSITIVE_INFINITY }: PurgeOptions = {},
): Promise<PurgeOutcome> {
  const { clock, services } = dependencies
  let outcome: PurgeBatch['outcome'] = 'deleted'
  for (let done = 0; outcome === 'deleted'; done++) {
    if (done >= batches) return 'unfinished'
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
