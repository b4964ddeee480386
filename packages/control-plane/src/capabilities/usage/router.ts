import { router } from '@tenantry/kernel/trpc/init'
import { cachedTenantOperation, tenantOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import * as service from './service.ts'

export const usageRouter = router({
  track: tenantOperation(contract.trackUsage).mutation(({ ctx, input }) => service.track(ctx, input)),
})

/** Part of `tenants`. */
export const tenantUsageRouter = router({
  usage: cachedTenantOperation(contract.getUsage).query(({ ctx }) => service.getUsage(ctx)),
})
