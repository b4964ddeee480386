import { router } from '@tenantry/kernel/trpc/init'
import { platformOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import { reload } from './service/reload.ts'

export const catalogueRouter = router({
  reload: platformOperation(contract.reloadCatalogue).mutation(({ ctx, input }) => reload(ctx, input)),
})
