import { router } from '@tenantry/kernel/trpc/init'
import { tenantOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import * as service from './service.ts'

export const settingsRouter = router({
  get: tenantOperation(contract.getSettings).query(({ ctx }) => service.getSettings(ctx)),
  schema: tenantOperation(contract.getSettingsSchema).query(() => service.getSettingsSchema()),
})

/** Part of `tenants`. */
export const tenantSettingsRouter = router({
  updateSettings: tenantOperation(contract.updateSettings).mutation(({ ctx, input }) =>
    service.updateSettings(ctx, input),
  ),
})
