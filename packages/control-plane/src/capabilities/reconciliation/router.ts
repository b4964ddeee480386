import { router } from '@tenantry/kernel/trpc/init'
import { platformSequenceOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import { migrate } from './service/migrate.ts'

/** Part of `usage`. */
export const reconciliationRouter = router({
  migrate: platformSequenceOperation(contract.migrateUsage).mutation(({ ctx, input }) => migrate(ctx, input)),
})
