import { tenantQuery } from '@tenantry/kernel/tenancy/tenant-query'
import { tenantSource } from '../tenant/index.ts'

/** The states of the tenant's ancestors, the root first. */
export const ancestorStates = tenantQuery<{ id: string; state: string }>(
  tenantSource,
  /* sql */ `select ancestor.tenant_id as id, ancestor.status as state
    from tenant cross join directory.ancestor_states() as ancestor`,
)
