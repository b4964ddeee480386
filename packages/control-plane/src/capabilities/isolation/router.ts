import { router } from '@tenantry/kernel/trpc/init'
import { detachedPlatformOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import { report } from './service/isolation.ts'

export const platformRouter = router({
  isolation: detachedPlatformOperation(contract.getIsolation).query(({ ctx }) => report(ctx)),
})
