import type { Change } from '@tenantry/kernel/context/audit-record'
import type { TenantContext } from '@tenantry/kernel/context/request-context'
import {
  effectiveState,
  forgetTenant,
  getOwnTenantForUpdate,
  saveTenant,
  type Tenant,
  tenantErrors,
} from '../../tenant/index.ts'
import { lifecycleErrors } from '../contract.ts'

type State = Pick<Tenant, 'status'> &
  Partial<Record<'statusReason', string | null> & Record<'statusUntil' | 'deleteAfter', Date | null>> & {
    removal?: Tenant['removal']
  }

/** Locked until the transaction ends. Throws `tenant.concurrent_update` for a version that is no longer current. */
export async function lockTenant(ctx: TenantContext, expectedVersion: number | undefined): Promise<Tenant> {
  const tenant = await getOwnTenantForUpdate(ctx.em)
  if (expectedVersion !== undefined && expectedVersion !== tenant.version) {
    throw tenantErrors.concurrent_update({ currentVersion: tenant.version })
  }
  return tenant
}

/** Throws `tenant.invalid_transition` where the tenant is in none of the states that lead there. */
export function refuseFrom(tenant: Tenant, to: Tenant['status'], allowed: readonly Tenant['status'][]): void {
  const { status: from } = tenant
  if (!allowed.includes(from))
    throw lifecycleErrors.invalid_transition({ from, to }, `A tenant that is ${from} does not become ${to} by this.`)
}

/** What is not named in `state` is taken back to nothing. Every process has heard of it within a second. */
export async function changeState(
  ctx: TenantContext,
  tenant: Tenant,
  { action, reason, state }: { action: string; reason: string | null; state: State },
): Promise<void> {
  const next = { statusReason: null, statusUntil: null, deleteAfter: null, ...state }
  const changes: Record<string, Change> = {}
  for (const field of ['status', 'statusReason', 'statusUntil', 'deleteAfter'] as const) {
    const [before, after] = [asJson(tenant[field]), asJson(next[field])]
    if (before !== after) changes[field] = { before, after }
  }
  Object.assign(tenant, { removal: null, ...next, updatedAt: ctx.clock.now() })
  await saveTenant(ctx.em)
  ctx.record(action, { target: { type: 'tenant', id: tenant.id }, changes, details: { reason } })
  forgetTenant(ctx)
}

const asJson = (value: string | Date | null | undefined) =>
  value instanceof Date ? value.toISOString() : (value ?? null)

export const describe = (ctx: TenantContext, tenant: Tenant) => ({
  id: tenant.id,
  name: tenant.name,
  slug: tenant.slug,
  status: tenant.status,
  ...effectiveState(ctx, tenant.status),
  statusReason: tenant.statusReason ?? null,
  statusUntil: tenant.statusUntil ?? null,
  deleteAfter: tenant.deleteAfter ?? null,
  version: tenant.version,
  updatedAt: tenant.updatedAt,
})
