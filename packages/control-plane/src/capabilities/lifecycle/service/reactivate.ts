import type { TenantContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import { emitEvent } from '../../event/index.ts'
import type { reactivateTenant } from '../contract.ts'
import { changeState, describe, lockTenant, refuseFrom } from './change.ts'

/** Throws `tenant.concurrent_update` or `tenant.invalid_transition`. */
export async function reactivate(
  ctx: TenantContext,
  { reason, expectedVersion }: z.output<typeof reactivateTenant.input>,
) {
  const tenant = await lockTenant(ctx, expectedVersion)
  refuseFrom(tenant, 'active', ['active', 'suspended'])
  if (tenant.status === 'active') return describe(ctx, tenant)

  await changeState(ctx, tenant, { action: 'tenant.reactivated', reason, state: { status: 'active' } })
  await emitEvent(ctx, 'tenant.reactivated', { reason, version: tenant.version })
  return describe(ctx, tenant)
}
