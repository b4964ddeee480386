import { router } from '@tenantry/kernel/trpc/init'
import { tenantOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import * as service from './service.ts'

/** Part of `tenants`. */
export const hierarchyRouter = router({
  children: tenantOperation(contract.listChildren).query(({ ctx, input }) => service.children(ctx, input)),
  tree: tenantOperation(contract.getTree).query(({ ctx, input }) => service.tree(ctx, input)),
  move: tenantOperation(contract.moveTenant).mutation(({ ctx, input }) => service.move(ctx, input)),
  subtreeUsage: tenantOperation(contract.getSubtreeUsage).query(({ ctx, input }) => service.subtreeUsage(ctx, input)),
})
