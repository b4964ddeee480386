import { mutationHook, queryHooks, type Tenantry } from './hook-factory.ts'
import { infiniteHooks } from './infinite-hooks.ts'

/** Limits are shown beside what is used of them. */
function changesLimits({ limits, tenants, usage, access }: Tenantry) {
  return [
    limits.pathFilter(),
    tenants.limits.pathFilter(),
    tenants.usage.pathFilter(),
    usage.pathFilter(),
    access.pathFilter(),
  ]
}

export const [useLimitOverrides, useSuspenseLimitOverrides] = queryHooks(({ limits }) => limits.overrides)
export const useSetLimitOverrides = mutationHook(({ limits }) => limits.setOverrides, changesLimits)
export const [useLimitGrants, useSuspenseLimitGrants] = queryHooks(({ limits }) => limits.grants)
export const [useInfiniteLimitGrants, useSuspenseInfiniteLimitGrants] = infiniteHooks(({ limits }) => limits.grants)
export const useGrantLimit = mutationHook(({ limits }) => limits.grant, changesLimits)
export const useRevokeLimitGrant = mutationHook(({ limits }) => limits.revokeGrant, changesLimits)
export const [useLimitRequests, useSuspenseLimitRequests] = queryHooks(({ limits }) => limits.requests)
export const [useInfiniteLimitRequests, useSuspenseInfiniteLimitRequests] = infiniteHooks(
  ({ limits }) => limits.requests,
)
export const [useAllLimitRequests, useSuspenseAllLimitRequests] = queryHooks(({ limits }) => limits.allRequests)
export const [useInfiniteAllLimitRequests, useSuspenseInfiniteAllLimitRequests] = infiniteHooks(
  ({ limits }) => limits.allRequests,
)
export const useRequestLimit = mutationHook(
  ({ limits }) => limits.request,
  ({ limits }) => [limits.requests.pathFilter(), limits.allRequests.pathFilter()],
)
export const useDecideLimitRequest = mutationHook(({ limits }) => limits.decide, changesLimits)
