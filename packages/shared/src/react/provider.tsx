import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { createTRPCContext } from '@trpc/tanstack-react-query'
import { type ReactNode, useMemo, useState } from 'react'
import type { AppRouter } from '../http/app-router.ts'
import { createTenantryClient, type TenantryClientOptions } from '../http/client.ts'
import { isTenantryError } from '../http/errors.ts'

const { TRPCProvider, useTRPC, useTRPCClient } = createTRPCContext<AppRouter, { keyPrefix: true }>()

/** Options of TanStack Query for every operation, for whatever the hooks do not cover: prefetching, filters, keys. */
export const useTenantry = useTRPC
export const useTenantryClient = useTRPCClient

export interface TenantryProviderProps extends Omit<TenantryClientOptions, 'tenant' | 'apiKey'> {
  /** Id, slug or externalId. Each tenant's answers are kept apart, so that a switch never shows another's. */
  tenant?: string
  /** Of your own where you have one; clear it when somebody else signs in. */
  queryClient?: QueryClient
  children?: ReactNode
}

/** Gives the hooks their client. Keep `token` and `fetch` the same functions from one rendering to the next. */
export function TenantryProvider({ tenant = '', queryClient, children, ...options }: TenantryProviderProps) {
  const [ownQueryClient] = useState(createQueryClient)
  const { url, token, timeoutMilliseconds, retries, longestWaitMilliseconds, streaming, fetch } = options
  const client = useMemo(
    () =>
      createTenantryClient({
        url,
        token,
        tenant,
        timeoutMilliseconds,
        retries,
        longestWaitMilliseconds,
        streaming,
        fetch,
      }),
    [url, token, tenant, timeoutMilliseconds, retries, longestWaitMilliseconds, streaming, fetch],
  )
  const queries = queryClient ?? ownQueryClient
  return (
    <QueryClientProvider client={queries}>
      <TRPCProvider trpcClient={client} queryClient={queries} keyPrefix={tenant}>
        {children}
      </TRPCProvider>
    </QueryClientProvider>
  )
}

/** What the service refused has been tried again by the client where that helps; here only lost connections are. */
function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: { queries: { retry: (failures, error) => failures < 2 && !isTenantryError(error) } },
  })
}
