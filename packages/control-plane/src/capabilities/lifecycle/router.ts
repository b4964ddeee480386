import { router } from '@tenantry/kernel/trpc/init'
import { platformOperation, tenantOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import { reactivate } from './service/reactivate.ts'
import { remove } from './service/remove.ts'
import * as reports from './service/reports.ts'
import { restore } from './service/restore.ts'
import { suspend } from './service/suspend.ts'

export const lifecycleRouter = router({
  suspend: tenantOperation(contract.suspendTenant).mutation(({ ctx, input }) => suspend(ctx, input)),
  reactivate: tenantOperation(contract.reactivateTenant).mutation(({ ctx, input }) => reactivate(ctx, input)),
  remove: tenantOperation(contract.removeTenant).mutation(({ ctx, input }) => remove(ctx, input)),
  restore: tenantOperation(contract.restoreTenant).mutation(({ ctx, input }) => restore(ctx, input)),
})

export const deletionReportRouter = router({
  get: platformOperation(contract.getDeletionReport).query(({ ctx, input }) => reports.getReport(ctx, input)),
  list: platformOperation(contract.listDeletionReports).query(({ ctx, input }) => reports.list(ctx, input)),
})
