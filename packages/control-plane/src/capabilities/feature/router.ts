import { router } from '@tenantry/kernel/trpc/init'
import { tenantOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import * as service from './service.ts'

export const featureRouter = router({
  overrides: tenantOperation(contract.listFeatureOverrides).query(({ ctx }) => service.list(ctx)),
  setOverrides: tenantOperation(contract.setFeatureOverrides).mutation(({ ctx, input }) => service.set(ctx, input)),
})
