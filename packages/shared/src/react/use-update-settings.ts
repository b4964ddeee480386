import {
  type Mutation,
  type QueryClient,
  type UseMutationResult,
  useMutation,
  useQueryClient,
} from '@tanstack/react-query'
import type { inferInput, inferOutput } from '@trpc/tanstack-react-query'
import type { Failure, MutationOptions, Tenantry } from './hook-factory.ts'
import { useTenantry } from './provider.tsx'
import { patchSettings } from './settings-patch.ts'

type Settings = inferOutput<Tenantry['settings']['get']>
type Change = inferInput<Tenantry['tenants']['updateSettings']>

/** The settings without the change that is on its way. */
interface Base {
  settings: Settings | undefined
}

/**
 * Shows the change at once. Where the service refuses it, as with `tenant.concurrent_update`, it is taken back and the
 * newest settings are read. Changes made meanwhile wait for their turn, and stay shown.
 */
export function useUpdateSettings(
  options: Omit<MutationOptions<Change, Settings>, 'onMutate' | 'scope'> = {},
): UseMutationResult<Settings, Failure, Change, Base> {
  const tenantry = useTenantry()
  const queryClient = useQueryClient()
  const { mutationKey, mutationFn } = tenantry.tenants.updateSettings.mutationOptions()
  const key = tenantry.settings.get.queryKey()
  const show = (settings: Settings | undefined, done: Base | undefined) => {
    const pending = pendingChanges(queryClient, mutationKey, done)
    queryClient.setQueryData(key, rebase(settings, pending))
    return pending
  }

  return useMutation<Settings, Failure, Change, Base>({
    ...options,
    mutationKey,
    mutationFn,
    scope: { id: JSON.stringify(mutationKey) },
    onMutate: async (change) => {
      // An answer on its way would show the settings without the change.
      await queryClient.cancelQueries(tenantry.settings.get.queryFilter())
      const settings = queryClient.getQueryData(key)
      queryClient.setQueryData(key, settings && changed(settings, change))
      return { settings }
    },
    onError: (error, change, base, context) => {
      const pending = show(base?.settings, base)
      // What is read now would hide them; the last one reads, or is answered with, the newest settings.
      if (pending.length === 0) void queryClient.invalidateQueries(tenantry.settings.get.queryFilter())
      return options.onError?.(error, change, base, context)
    },
    onSuccess: (settings, change, base, context) => {
      show(settings, base)
      // The tenant's name shows there too.
      for (const { pathFilter } of [tenantry.tenants, tenantry.me]) void queryClient.invalidateQueries(pathFilter())
      return options.onSuccess?.(settings, change, base, context)
    },
  })
}

type PendingChange = Mutation<Settings, Failure, Change, Base>

function pendingChanges(queryClient: QueryClient, mutationKey: readonly unknown[], done: Base | undefined) {
  const pending = queryClient.getMutationCache().findAll({ mutationKey, status: 'pending' })
  // The key is that of no other mutation.
  return (pending as unknown as PendingChange[]).filter(({ state }) => state.context && state.context !== done)
}

/** Puts the changes that are still on their way on top of other settings. */
function rebase(settings: Settings | undefined, pending: PendingChange[]): Settings | undefined {
  return pending.reduce((current, { state }) => {
    if (state.context) state.context.settings = current
    return current && state.variables ? changed(current, state.variables) : current
  }, settings)
}

function changed(settings: Settings, { name, settings: patch }: Change): Settings {
  return {
    ...settings,
    ...(typeof name === 'string' ? { name } : {}),
    settings: patchSettings(settings.settings, patch),
  }
}
