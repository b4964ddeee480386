import { router } from '@tenantry/kernel/trpc/init'
import { cachedTenantOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import * as service from './service.ts'

/** Part of `tenants`. */
export const tenantLimitRouter = router({
  limits: cachedTenantOperation(contract.getLimits).query(({ ctx }) => service.getLimits(ctx)),
})
