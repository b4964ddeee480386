import type { TenantContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import { emitEvent } from '../../event/index.ts'
import { lockHierarchy } from '../../tenant/index.ts'
import { lifecycleErrors, type restoreTenant } from '../contract.ts'
import { findReport, isParentGoing } from '../repository.ts'
import { changeState, describe, lockTenant, refuseFrom } from './change.ts'

/**
 * Throws `tenant.concurrent_update`, or `tenant.invalid_transition`: also once it may be purged, or was begun
 * to be, and below one that is being deleted.
 */
export async function restore(ctx: TenantContext, { reason, expectedVersion }: z.output<typeof restoreTenant.input>) {
  await lockHierarchy(ctx.em)
  const tenant = await lockTenant(ctx, expectedVersion)
  const before = tenant.removal?.before ?? { status: 'active', reason: null, until: null }
  refuseFrom(tenant, before.status, ['deleting'])
  const isOver = !tenant.deleteAfter || tenant.deleteAfter <= ctx.clock.now()
  // By the clock of the database it may be over a little earlier.
  if (isOver || (await findReport(ctx.em, tenant.id))) {
    throw lifecycleErrors.invalid_transition(
      { from: 'deleting', to: before.status },
      'The time in which this tenant could be restored is over.',
    )
  }
  if (await isParentGoing(ctx.em)) {
    throw lifecycleErrors.invalid_transition(
      { from: 'deleting', to: before.status },
      'The tenant above is being deleted: restore that one first, or move this one elsewhere.',
    )
  }

  const statusUntil = before.until === null ? null : new Date(before.until)
  const state = { status: before.status, statusReason: before.reason, statusUntil }
  await changeState(ctx, tenant, { action: 'tenant.restored', reason, state })
  await emitEvent(ctx, 'tenant.restored', { status: before.status, version: tenant.version })
  return describe(ctx, tenant)
}
