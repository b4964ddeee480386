import { mutationHook, queryHooks, type Tenantry } from './hook-factory.ts'
import { infiniteHooks } from './infinite-hooks.ts'

export {
  useAllLimitRequests,
  useDecideLimitRequest,
  useGrantLimit,
  useInfiniteAllLimitRequests,
  useInfiniteLimitGrants,
  useInfiniteLimitRequests,
  useLimitGrants,
  useLimitOverrides,
  useLimitRequests,
  useRequestLimit,
  useRevokeLimitGrant,
  useSetLimitOverrides,
  useSuspenseAllLimitRequests,
  useSuspenseInfiniteAllLimitRequests,
  useSuspenseInfiniteLimitGrants,
  useSuspenseInfiniteLimitRequests,
  useSuspenseLimitGrants,
  useSuspenseLimitOverrides,
  useSuspenseLimitRequests,
} from './limit-hooks.ts'
export {
  useCommitReservation,
  useCompleteRun,
  useConsumeUsage,
  useHeartbeatRun,
  useMigrateUsage,
  useReleaseReservation,
  useReserveUsage,
  useSetGauge,
  useStartRun,
  useTrackUsage,
  useTrackUsageBatch,
  useVoidUsage,
} from './usage-hooks.ts'
export { useUpdateSettings } from './use-update-settings.ts'
export { type TenantEvent, useWatchEvents, type WatchEventsOptions } from './use-watch-events.ts'

export const [useMe, useSuspenseMe] = queryHooks(({ me }) => me.get)
export const [usePlans, useSuspensePlans] = queryHooks(({ plans }) => plans.list)
export const [useIsolation, useSuspenseIsolation] = queryHooks(({ platform }) => platform.isolation)

export const [useBlocks, useSuspenseBlocks] = queryHooks(({ blocks }) => blocks.list)
export const useLiftBlock = mutationHook(
  ({ blocks }) => blocks.lift,
  ({ blocks }) => [blocks.list.pathFilter()],
)

/** Plans decide limits and features everywhere. */
export const useReloadCatalogue = mutationHook(
  ({ catalogue }) => catalogue.reload,
  ({ plans, subscription, tenants, limits, access }) => [
    plans.pathFilter(),
    subscription.pathFilter(),
    tenants.pathFilter(),
    limits.pathFilter(),
    access.pathFilter(),
  ],
)

export const [useDeletionReports, useSuspenseDeletionReports] = queryHooks(
  ({ deletionReports }) => deletionReports.list,
)
export const [useInfiniteDeletionReports, useSuspenseInfiniteDeletionReports] = infiniteHooks(
  ({ deletionReports }) => deletionReports.list,
)
export const [useDeletionReport, useSuspenseDeletionReport] = queryHooks(({ deletionReports }) => deletionReports.get)

export const [useTenantInfo, useSuspenseTenantInfo] = queryHooks(({ tenants }) => tenants.info)
export const [useTenant, useSuspenseTenant] = queryHooks(({ tenants }) => tenants.get)
export const [useTenants, useSuspenseTenants] = queryHooks(({ tenants }) => tenants.list)
export const [useInfiniteTenants, useSuspenseInfiniteTenants] = infiniteHooks(({ tenants }) => tenants.list)

export const [useTenantChildren, useSuspenseTenantChildren] = queryHooks(({ tenants }) => tenants.children)
export const [useInfiniteTenantChildren, useSuspenseInfiniteTenantChildren] = infiniteHooks(
  ({ tenants }) => tenants.children,
)
export const [useTenantTree, useSuspenseTenantTree] = queryHooks(({ tenants }) => tenants.tree)
export const [useSubtreeUsage, useSuspenseSubtreeUsage] = queryHooks(({ tenants }) => tenants.subtreeUsage)

export const [useTenantUsage, useSuspenseTenantUsage] = queryHooks(({ tenants }) => tenants.usage)
export const [useUsageStats, useSuspenseUsageStats] = queryHooks(({ usage }) => usage.stats)
export const [useUsageCheck, useSuspenseUsageCheck] = queryHooks(({ usage }) => usage.check)
export const [useUsageTrends, useSuspenseUsageTrends] = queryHooks(({ usage }) => usage.trends)
export const [useUsageEvents, useSuspenseUsageEvents] = queryHooks(({ usage }) => usage.events)
export const [useInfiniteUsageEvents, useSuspenseInfiniteUsageEvents] = infiniteHooks(({ usage }) => usage.events)
export const [useUsageReservation, useSuspenseUsageReservation] = queryHooks(({ usage }) => usage.reservation)
export const [useRuns, useSuspenseRuns] = queryHooks(({ runs }) => runs.list)
export const [useInfiniteRuns, useSuspenseInfiniteRuns] = infiniteHooks(({ runs }) => runs.list)
export const [useRun, useSuspenseRun] = queryHooks(({ runs }) => runs.get)
export const [useTenantLimits, useSuspenseTenantLimits] = queryHooks(({ tenants }) => tenants.limits)

export const [useFeatureOverrides, useSuspenseFeatureOverrides] = queryHooks(({ features }) => features.overrides)
export const useSetFeatureOverrides = mutationHook(({ features }) => features.setOverrides, changesFeatures)
export const [useSubscription, useSuspenseSubscription] = queryHooks(({ subscription }) => subscription.get)
export const usePreviewPlanChange = mutationHook(
  ({ subscription }) => subscription.preview,
  () => [],
)
export const useChangePlan = mutationHook(({ subscription }) => subscription.change, changesFeatures)
export const useUpgradePlan = mutationHook(({ subscription }) => subscription.upgrade, changesFeatures)
export const useDowngradePlan = mutationHook(({ subscription }) => subscription.downgrade, changesFeatures)

/** Whether the caller may do something; the service decides again when it is done. */
export const [useAccess, useSuspenseAccess] = queryHooks(({ access }) => access.check)
export const [useAccessExplanation, useSuspenseAccessExplanation] = queryHooks(({ access }) => access.explain)

export const [useSettings, useSuspenseSettings] = queryHooks(({ settings }) => settings.get)
export const [useSettingsSchema, useSuspenseSettingsSchema] = queryHooks(({ settings }) => settings.schema)

export const [useSettingsInheritance, useSuspenseSettingsInheritance] = queryHooks(
  ({ settings }) => settings.inheritance,
)

export const [useEvents, useSuspenseEvents] = queryHooks(({ events }) => events.list)
export const [useInfiniteEvents, useSuspenseInfiniteEvents] = infiniteHooks(({ events }) => events.list)

export const [useApiKeys, useSuspenseApiKeys] = queryHooks(({ apiKeys }) => apiKeys.list)
export const [useInfiniteApiKeys, useSuspenseInfiniteApiKeys] = infiniteHooks(({ apiKeys }) => apiKeys.list)

export const [useMembers, useSuspenseMembers] = queryHooks(({ members }) => members.list)
export const [useInfiniteMembers, useSuspenseInfiniteMembers] = infiniteHooks(({ members }) => members.list)
export const [useMember, useSuspenseMember] = queryHooks(({ members }) => members.get)
export const useAddMember = mutationHook(({ members }) => members.add, changesMembers)
export const useUpdateMember = mutationHook(({ members }) => members.update, changesMembers)
export const useRemoveMember = mutationHook(({ members }) => members.remove, changesMembers)
export const useLeaveTenant = mutationHook(({ members }) => members.leave, changesMembers)
export const useTransferOwnership = mutationHook(({ members }) => members.transferOwnership, changesMembers)
export const useTransferMembers = mutationHook(({ members }) => members.transfer, changesMembers)

/** Its answers hold keys, which nothing shows a second time. */
export const useCreateApiKey = mutationHook(
  ({ apiKeys }) => apiKeys.create,
  ({ apiKeys }) => [apiKeys.list.pathFilter()],
)
export const useRotateApiKey = mutationHook(
  ({ apiKeys }) => apiKeys.rotate,
  ({ apiKeys }) => [apiKeys.list.pathFilter()],
)
export const useRemoveApiKey = mutationHook(
  ({ apiKeys }) => apiKeys.remove,
  ({ apiKeys }) => [apiKeys.list.pathFilter()],
)

export const [useInvitations, useSuspenseInvitations] = queryHooks(({ invitations }) => invitations.list)
export const [useInfiniteInvitations, useSuspenseInfiniteInvitations] = infiniteHooks(
  ({ invitations }) => invitations.list,
)
export const useCreateInvitation = mutationHook(
  ({ invitations }) => invitations.create,
  ({ invitations }) => [invitations.list.pathFilter()],
)
export const useResendInvitation = mutationHook(
  ({ invitations }) => invitations.resend,
  ({ invitations }) => [invitations.list.pathFilter()],
)
export const useRevokeInvitation = mutationHook(
  ({ invitations }) => invitations.revoke,
  ({ invitations }) => [invitations.list.pathFilter()],
)
/** A mutation, so that the token travels in a body; it changes nothing. */
export const usePreviewInvitation = mutationHook(
  ({ invitations }) => invitations.preview,
  () => [],
)
// Whoever joined a tenant reaches it, and counts in it.
export const useAcceptInvitation = mutationHook(
  ({ invitations }) => invitations.accept,
  ({ invitations, tenants, me, access }) => [
    invitations.list.pathFilter(),
    tenants.pathFilter(),
    me.pathFilter(),
    access.pathFilter(),
  ],
)

export const [useTeams, useSuspenseTeams] = queryHooks(({ teams }) => teams.list)
export const [useInfiniteTeams, useSuspenseInfiniteTeams] = infiniteHooks(({ teams }) => teams.list)
export const [useTeamMembers, useSuspenseTeamMembers] = queryHooks(({ teams }) => teams.listMembers)
export const [useInfiniteTeamMembers, useSuspenseInfiniteTeamMembers] = infiniteHooks(({ teams }) => teams.listMembers)
// The usage of a tenant tells how many there are.
export const useCreateTeam = mutationHook(({ teams }) => teams.create, changesTeams)
export const useRemoveTeam = mutationHook(({ teams }) => teams.remove, changesTeams)
export const useUpdateTeam = mutationHook(
  ({ teams }) => teams.update,
  ({ teams }) => [teams.pathFilter()],
)
export const useAddTeamMember = mutationHook(
  ({ teams }) => teams.addMember,
  ({ teams }) => [teams.pathFilter()],
)
export const useRemoveTeamMember = mutationHook(
  ({ teams }) => teams.removeMember,
  ({ teams }) => [teams.pathFilter()],
)

export const [useRoles, useSuspenseRoles] = queryHooks(({ roles }) => roles.list)
export const [useInfiniteRoles, useSuspenseInfiniteRoles] = infiniteHooks(({ roles }) => roles.list)
export const [useScopes, useSuspenseScopes] = queryHooks(({ roles }) => roles.scopes)
export const [useUserRoles, useSuspenseUserRoles] = queryHooks(({ userRoles }) => userRoles.list)
export const [useInfiniteUserRoles, useSuspenseInfiniteUserRoles] = infiniteHooks(({ userRoles }) => userRoles.list)

export const useCreateRole = mutationHook(
  ({ roles }) => roles.create,
  ({ roles, tenants, usage }) => [roles.list.pathFilter(), tenants.usage.pathFilter(), usage.stats.pathFilter()],
)
export const useUpdateRole = mutationHook(({ roles }) => roles.update, changesRoles)
export const useRemoveRole = mutationHook(({ roles }) => roles.remove, changesRoles)
export const useAddUserRole = mutationHook(({ userRoles }) => userRoles.add, changesRoles)
export const useRemoveUserRole = mutationHook(({ userRoles }) => userRoles.remove, changesRoles)

export const [useUsers, useSuspenseUsers] = queryHooks(({ users }) => users.list)
export const [useInfiniteUsers, useSuspenseInfiniteUsers] = infiniteHooks(({ users }) => users.list)
export const [useUser, useSuspenseUser] = queryHooks(({ users }) => users.get)
export const [useUserExport, useSuspenseUserExport] = queryHooks(({ users }) => users.export)
export const [useInfiniteUserExport, useSuspenseInfiniteUserExport] = infiniteHooks(({ users }) => users.export)
export const useDeactivateUser = mutationHook(
  ({ users }) => users.deactivate,
  ({ users }) => [users.pathFilter()],
)
export const useReactivateUser = mutationHook(
  ({ users }) => users.reactivate,
  ({ users }) => [users.pathFilter()],
)
export const useEraseUser = mutationHook(
  ({ users }) => users.erase,
  (tenantry) => [tenantry.users.pathFilter(), ...changesMembers(tenantry)],
)

/** Its answer may hold a key, which nothing shows a second time. */
export const useCreateTenant = mutationHook(
  ({ tenants }) => tenants.create,
  ({ tenants, me }) => [tenants.pathFilter(), me.pathFilter()],
)

export const useUpdateTenant = mutationHook(
  ({ tenants }) => tenants.update,
  // The name shows in the settings and in the list of one's tenants; the plan decides limits.
  ({ tenants, limits, settings, me, access }) => [
    tenants.pathFilter(),
    limits.pathFilter(),
    settings.get.pathFilter(),
    me.pathFilter(),
    access.pathFilter(),
  ],
)

// The state of a tenant shows wherever it does.
export const useSuspendTenant = mutationHook(({ tenants }) => tenants.suspend, changesState)
export const useReactivateTenant = mutationHook(({ tenants }) => tenants.reactivate, changesState)
export const useRemoveTenant = mutationHook(({ tenants }) => tenants.remove, changesState)
export const useRestoreTenant = mutationHook(({ tenants }) => tenants.restore, changesState)

export const useMoveTenant = mutationHook(
  ({ tenants }) => tenants.move,
  // Who is above decides who is a member, and which settings are inherited.
  ({ tenants, settings, me }) => [tenants.pathFilter(), settings.pathFilter(), me.pathFilter()],
)

export const useUpdateSettingsInheritance = mutationHook(
  ({ settings }) => settings.updateInheritance,
  ({ settings }) => [settings.pathFilter()],
)

/** Features decide which scopes count, and a plan what is allowed beside each limit that is asked for. */
function changesFeatures({ features, subscription, tenants, limits, me, access }: Tenantry) {
  return [features, subscription, tenants, limits, me, access].map((changed) => changed.pathFilter())
}

function changesTeams({ teams, tenants, usage, access }: Tenantry) {
  return [teams.pathFilter(), tenants.usage.pathFilter(), usage.stats.pathFilter(), access.pathFilter()]
}

/** Roles decide what may be done, one's own too. */
function changesRoles({ roles, userRoles, tenants, usage, me, access }: Tenantry) {
  return [
    roles.list.pathFilter(),
    userRoles.pathFilter(),
    tenants.usage.pathFilter(),
    usage.stats.pathFilter(),
    me.pathFilter(),
    access.pathFilter(),
  ]
}

function changesState({ tenants, me }: Tenantry) {
  return [tenants.pathFilter(), me.pathFilter()]
}

/** Who is a member shows in counts and usage, and decides what one may do oneself. */
function changesMembers({ members, tenants, me, access }: Tenantry) {
  return [members.pathFilter(), tenants.pathFilter(), me.pathFilter(), access.pathFilter()]
}
