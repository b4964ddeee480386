import { router } from '@tenantry/kernel/trpc/init'
import { publicOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import * as service from './service.ts'

export const planRouter = router({
  list: publicOperation(contract.listPlans).query(({ ctx }) => service.listPlans(ctx)),
})
