import { router } from '@tenantry/kernel/trpc/init'
import { detachedPlatformOperation, platformSequenceOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import { lift, list } from './service.ts'

export const blockRouter = router({
  list: detachedPlatformOperation(contract.listBlocks).query(({ ctx }) => list(ctx)),
  lift: platformSequenceOperation(contract.liftBlock).mutation(({ ctx, input }) => lift(ctx, input)),
})
