import { router, t } from '@tenantry/kernel/trpc/init'
import { meRouter } from './capabilities/member/router.ts'
import { planRouter } from './capabilities/plan/router.ts'
import { settingsRouter, tenantSettingsRouter } from './capabilities/settings/router.ts'
import { tenantRouter } from './capabilities/tenant/router.ts'
import { tenantUsageRouter, usageRouter } from './capabilities/usage/router.ts'

/** The table of contents. */
export const appRouter = router({
  tenants: t.mergeRouters(tenantRouter, tenantUsageRouter, tenantSettingsRouter),
  settings: settingsRouter,
  usage: usageRouter,
  plans: planRouter,
  me: meRouter,
})

export type AppRouter = typeof appRouter
