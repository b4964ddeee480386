import { router } from '@tenantry/kernel/trpc/init'
import { userOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import * as service from './service.ts'

export const meRouter = router({
  get: userOperation(contract.getMe).query(({ ctx }) => service.getMe(ctx)),
})
