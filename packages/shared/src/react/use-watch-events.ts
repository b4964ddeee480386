import { type QueryClient, useQueryClient } from '@tanstack/react-query'
import { type TRPCSubscriptionStatus, useSubscription } from '@trpc/tanstack-react-query'
import type { Operations } from '../http/operations.ts'
import type { Failure, Tenantry } from './hook-factory.ts'
import { useTenantry, useTenantryClient } from './provider.tsx'

/** What happens to a tenant; `resync` where nothing is known of what happened before. */
export type TenantEvent = Operations['events']['watch']['output']['data']

export interface WatchEventsOptions {
  /** False closes the stream. */
  enabled?: boolean
  /** May be another function at each rendering. */
  onEvent?: (event: TenantEvent) => void
}

export interface WatchedEvents {
  /** `pending` is being connected; `error` is the end, until `reset`. */
  status: TRPCSubscriptionStatus
  /** Why it ended, or why it connects again. */
  error: Failure | null
  reset(): void
}

/**
 * Watches what happens to the tenant of the provider, and keeps what the other hooks show up to date with it. Use it in
 * one place: each use is a stream of its own. Give the provider its token by a function, so that a stream outlives it;
 * who signs in next, by another token or function, has another stream.
 */
export function useWatchEvents({ enabled = true, onEvent }: WatchEventsOptions = {}): WatchedEvents {
  const tenantry = useTenantry()
  const queryClient = useQueryClient()
  const options = tenantry.events.watch.subscriptionOptions(
    {},
    {
      enabled,
      onData: ({ data: event }) => {
        refresh(tenantry, queryClient, event)
        onEvent?.(event)
      },
    },
  )
  // By its key alone a stream is known for another; the tenant is the client's too.
  const queryKey: typeof options.queryKey = [[`client ${numberOf(useTenantryClient())}`]]
  const { status, error, reset } = useSubscription({ ...options, queryKey })
  return { status, error: error ?? null, reset }
}

const numbers = new WeakMap<object, number>()
let numbered = 0

function numberOf(client: object): number {
  const number = numbers.get(client) ?? ++numbered
  numbers.set(client, number)
  return number
}

function refresh(tenantry: Tenantry, queryClient: QueryClient, event: TenantEvent): void {
  const { tenants, members, settings, me, events, access } = tenantry
  if (event.type === 'resync') {
    // What is being read right now is new enough.
    void queryClient.invalidateQueries(tenantry.pathFilter(), { cancelRefetch: false })
    return
  }
  // A change on its way is shown already, and its answer brings the newest settings.
  const updating = queryClient.isMutating({ mutationKey: tenants.updateSettings.mutationKey() }) > 0
  const shown = updating ? [] : [settings.get.pathFilter()]
  // In another state it answers other things everywhere.
  const everything = [tenantry.pathFilter()]
  const people = [members.pathFilter(), tenants.pathFilter(), me.pathFilter(), access.pathFilter()]
  const changed = {
    'tenant.suspended': everything,
    'tenant.reactivated': everything,
    'tenant.removed': everything,
    'tenant.restored': everything,
    'tenant.updated': [tenants.pathFilter(), me.pathFilter(), access.pathFilter(), ...shown],
    'member.added': people,
    'member.role_changed': people,
    'member.removed': people,
    'settings.updated': shown,
    'usage.threshold_reached': [tenants.usage.pathFilter(), access.pathFilter()],
  }
  for (const filter of [...changed[event.type], events.pathFilter()]) void queryClient.invalidateQueries(filter)
}
