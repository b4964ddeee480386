import { router } from '@tenantry/kernel/trpc/init'
import { tenantOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import { create } from './service/create.ts'
import { list } from './service/list.ts'
import { remove } from './service/remove.ts'
import { rotate } from './service/rotate.ts'

export const apiKeyRouter = router({
  list: tenantOperation(contract.listApiKeys).query(({ ctx, input }) => list(ctx, input)),
  create: tenantOperation(contract.createApiKey).mutation(({ ctx, input }) => create(ctx, input)),
  rotate: tenantOperation(contract.rotateApiKey).mutation(({ ctx, input }) => rotate(ctx, input)),
  remove: tenantOperation(contract.removeApiKey).mutation(({ ctx, input }) => remove(ctx, input)),
})
