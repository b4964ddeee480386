import { actorKey } from '@tenantry/kernel/context/actor'
import type { TenantContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import { emitEvent } from '../../event/index.ts'
import { lockHierarchy } from '../../tenant/index.ts'
import { lifecycleErrors, type removeTenant } from '../contract.ts'
import { countLiveChildren } from '../repository.ts'
import { changeState, describe, lockTenant } from './change.ts'

declare module '@tenantry/kernel/context/dependencies' {
  interface Services {
    /** How long a tenant that was deleted can be restored. */
    deletionRetentionDays: number
  }
}

const day = 86_400_000

/** Throws `tenant.concurrent_update`, or `tenant.has_children` where one below it is not being deleted itself. */
export async function remove(ctx: TenantContext, { reason, expectedVersion }: z.output<typeof removeTenant.input>) {
  // Before the row, as a move does: whoever comes to stand below it now waits, and then finds it going.
  await lockHierarchy(ctx.em)
  const tenant = await lockTenant(ctx, expectedVersion)
  if (tenant.status === 'deleting') return describe(ctx, tenant)
  const childCount = await countLiveChildren(ctx.em)
  if (childCount > 0) throw lifecycleErrors.has_children({ childCount }, standBelow(childCount))

  const now = ctx.clock.now()
  const { status, statusReason, statusUntil } = tenant
  const before = { status, reason: statusReason ?? null, until: statusUntil?.toISOString() ?? null }
  const deleteAfter = new Date(now.getTime() + ctx.services.deletionRetentionDays * day)
  const removal = { by: actorKey(ctx.actor), at: now.toISOString(), before }
  const state = { status: 'deleting', statusReason: reason ?? null, deleteAfter, removal } as const
  await changeState(ctx, tenant, { action: 'tenant.removed', reason: reason ?? null, state })
  await emitEvent(ctx, 'tenant.removed', { deleteAfter, version: tenant.version })
  return describe(ctx, tenant)
}

const standBelow = (count: number) =>
  count === 1
    ? 'A tenant stands below this one. Remove or move it first.'
    : `${count} tenants stand below this one. Remove or move them first.`
