import { router } from '@tenantry/kernel/trpc/init'
import { cachedTenantOperation, detachedTenantOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import { checkAccess } from './service/check.ts'
import { explainAccess } from './service/explain.ts'

export const accessRouter = router({
  check: cachedTenantOperation(contract.checkAccess).query(({ ctx, input }) => checkAccess(ctx, input)),
  explain: detachedTenantOperation(contract.explainAccess).query(({ ctx, input }) => explainAccess(ctx, input)),
})
