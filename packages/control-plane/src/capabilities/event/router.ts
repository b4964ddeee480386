import { router } from '@tenantry/kernel/trpc/init'
import { tenantOperation, tenantSubscription } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import { list } from './service/list.ts'
import { watch } from './service/watch.ts'

export const eventRouter = router({
  list: tenantOperation(contract.listEvents).query(({ ctx, input }) => list(ctx, input)),
  watch: tenantSubscription(contract.watchEvents).subscription(({ ctx, input }) => watch(ctx, input)),
})
