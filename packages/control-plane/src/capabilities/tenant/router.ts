import { router } from '@tenantry/kernel/trpc/init'
import { cachedTenantOperation, tenantOperation, userOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import * as service from './service.ts'

export const tenantRouter = router({
  info: cachedTenantOperation(contract.getTenantInfo).query(({ ctx }) => service.getInfo(ctx)),
  list: userOperation(contract.listTenants).query(({ ctx, input }) => service.list(ctx, input)),
  get: tenantOperation(contract.getTenant).query(({ ctx }) => service.get(ctx)),
  update: tenantOperation(contract.updateTenant).mutation(({ ctx, input }) => service.update(ctx, input)),
})
