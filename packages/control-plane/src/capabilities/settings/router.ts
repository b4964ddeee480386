import { router } from '@tenantry/kernel/trpc/init'
import { tenantOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import { getInheritance, updateInheritance } from './service/inheritance.ts'
import { getSettings, getSettingsSchema } from './service/read.ts'
import { updateSettings } from './service/update.ts'

export const settingsRouter = router({
  get: tenantOperation(contract.getSettings).query(({ ctx }) => getSettings(ctx)),
  schema: tenantOperation(contract.getSettingsSchema).query(() => getSettingsSchema()),
  inheritance: tenantOperation(contract.getSettingsInheritance).query(({ ctx }) => getInheritance(ctx)),
  updateInheritance: tenantOperation(contract.updateSettingsInheritance).mutation(({ ctx, input }) =>
    updateInheritance(ctx, input),
  ),
})

/** Part of `tenants`. */
export const tenantSettingsRouter = router({
  updateSettings: tenantOperation(contract.updateSettings).mutation(({ ctx, input }) => updateSettings(ctx, input)),
})
