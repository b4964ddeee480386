import { router } from '@tenantry/kernel/trpc/init'
import { tenantOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import { change } from './service/change.ts'
import { preview } from './service/preview.ts'
import { get } from './service/read.ts'

export const subscriptionRouter = router({
  get: tenantOperation(contract.getSubscription).query(({ ctx }) => get(ctx)),
  preview: tenantOperation(contract.previewPlanChange).mutation(({ ctx, input }) => preview(ctx, input)),
  change: tenantOperation(contract.changePlan).mutation(({ ctx, input }) => change(ctx, input)),
  upgrade: tenantOperation(contract.upgradePlan).mutation(({ ctx, input }) => change(ctx, input, 'upgrade')),
  downgrade: tenantOperation(contract.downgradePlan).mutation(({ ctx, input }) => change(ctx, input, 'downgrade')),
})
