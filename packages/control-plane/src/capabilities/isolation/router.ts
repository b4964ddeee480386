import { router } from '@tenantry/kernel/trpc/init'
import { platformOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import { report } from './service/isolation.ts'

export const platformRouter = router({
  isolation: platformOperation(contract.getIsolation).query(({ ctx }) => report(ctx)),
})
