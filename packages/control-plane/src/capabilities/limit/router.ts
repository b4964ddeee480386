import { router } from '@tenantry/kernel/trpc/init'
import { cachedTenantOperation, tenantOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import { getLimits } from './service/limits.ts'
import * as overrides from './service/overrides.ts'

/** Part of `tenants`. */
export const tenantLimitRouter = router({
  limits: cachedTenantOperation(contract.getLimits).query(({ ctx }) => getLimits(ctx)),
})

export const limitRouter = router({
  overrides: tenantOperation(contract.listLimitOverrides).query(({ ctx }) => overrides.list(ctx)),
  setOverrides: tenantOperation(contract.setLimitOverrides).mutation(({ ctx, input }) => overrides.set(ctx, input)),
})
