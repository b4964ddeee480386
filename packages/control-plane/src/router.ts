import { router, t } from '@tenantry/kernel/trpc/init'
import { apiKeyRouter } from './capabilities/api-key/router.ts'
import { blockRouter } from './capabilities/block/router.ts'
import { catalogueRouter } from './capabilities/catalogue/router.ts'
import { accessRouter } from './capabilities/decision/router.ts'
import { eventRouter } from './capabilities/event/router.ts'
import { featureRouter } from './capabilities/feature/router.ts'
import { hierarchyRouter } from './capabilities/hierarchy/router.ts'
import { invitationRouter } from './capabilities/invitation/router.ts'
import { platformRouter } from './capabilities/isolation/router.ts'
import { deletionReportRouter, lifecycleRouter } from './capabilities/lifecycle/router.ts'
import { limitRouter, tenantLimitRouter } from './capabilities/limit/router.ts'
import { limitRequestRouter } from './capabilities/limit-request/router.ts'
import { memberRouter, meRouter } from './capabilities/member/router.ts'
import { onboardingRouter } from './capabilities/onboarding/router.ts'
import { planRouter } from './capabilities/plan/router.ts'
import { reconciliationRouter } from './capabilities/reconciliation/router.ts'
import { reservationRouter } from './capabilities/reservation/router.ts'
import { roleRouter, userRoleRouter } from './capabilities/role/router.ts'
import { runRouter } from './capabilities/run/router.ts'
import { settingsRouter, tenantSettingsRouter } from './capabilities/settings/router.ts'
import { subscriptionRouter } from './capabilities/subscription/router.ts'
import { teamRouter } from './capabilities/team/router.ts'
import { tenantRouter } from './capabilities/tenant/router.ts'
import { tenantUsageRouter, usageRouter } from './capabilities/usage/router.ts'
import { userRouter } from './capabilities/user/router.ts'

/** The table of contents. */
export const appRouter = router({
  me: meRouter,
  plans: planRouter,
  tenants: t.mergeRouters(
    tenantRouter,
    onboardingRouter,
    tenantUsageRouter,
    tenantLimitRouter,
    tenantSettingsRouter,
    hierarchyRouter,
    lifecycleRouter,
  ),
  settings: settingsRouter,
  access: accessRouter,
  usage: t.mergeRouters(usageRouter, reservationRouter, reconciliationRouter),
  runs: runRouter,
  limits: t.mergeRouters(limitRouter, limitRequestRouter),
  features: featureRouter,
  subscription: subscriptionRouter,
  members: memberRouter,
  events: eventRouter,
  apiKeys: apiKeyRouter,
  invitations: invitationRouter,
  teams: teamRouter,
  roles: roleRouter,
  userRoles: userRoleRouter,
  users: userRouter,
  platform: platformRouter,
  blocks: blockRouter,
  catalogue: catalogueRouter,
  deletionReports: deletionReportRouter,
})

export type AppRouter = typeof appRouter
