import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import type { z } from 'zod'
import { emitEvent } from '../../event/index.ts'
import type { suspendTenant } from '../contract.ts'
import { changeState, describe, lockTenant, refuseFrom } from './change.ts'

/** Throws `request.invalid` for an end that has passed, `tenant.concurrent_update` or `tenant.invalid_transition`. */
export async function suspend(
  ctx: TenantContext,
  { reason, until, expectedVersion }: z.output<typeof suspendTenant.input>,
) {
  const statusUntil = until === undefined ? null : new Date(until)
  if (statusUntil && statusUntil <= ctx.clock.now())
    throw requestErrors.invalid({ issues: [{ path: 'until', message: 'Expected a time in the future.' }] })
  const tenant = await lockTenant(ctx, expectedVersion)
  refuseFrom(tenant, 'suspended', ['active', 'suspended'])
  const same = tenant.statusReason === reason && tenant.statusUntil?.getTime() === statusUntil?.getTime()
  if (tenant.status === 'suspended' && same) return describe(ctx, tenant)

  const state = { status: 'suspended', statusReason: reason, statusUntil } as const
  await changeState(ctx, tenant, { action: 'tenant.suspended', reason, state })
  await emitEvent(ctx, 'tenant.suspended', { reason, until: statusUntil, version: tenant.version })
  return describe(ctx, tenant)
}
