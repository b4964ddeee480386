import { router } from '@tenantry/kernel/trpc/init'
import { cachedTenantOperation, tenantOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import * as grants from './service/grants.ts'
import { getLimits } from './service/limits.ts'
import * as overrides from './service/overrides.ts'

/** Part of `tenants`. */
export const tenantLimitRouter = router({
  limits: cachedTenantOperation(contract.getLimits).query(({ ctx }) => getLimits(ctx)),
})

export const limitRouter = router({
  overrides: tenantOperation(contract.listLimitOverrides).query(({ ctx }) => overrides.list(ctx)),
  setOverrides: tenantOperation(contract.setLimitOverrides).mutation(({ ctx, input }) => overrides.set(ctx, input)),
  grants: tenantOperation(contract.listLimitGrants).query(({ ctx, input }) => grants.list(ctx, input)),
  grant: tenantOperation(contract.grantLimit).mutation(({ ctx, input }) => grants.grant(ctx, input)),
  revokeGrant: tenantOperation(contract.revokeLimitGrant).mutation(({ ctx, input }) => grants.revoke(ctx, input)),
})
