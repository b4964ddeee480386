import {
  type QueryFilters,
  type SkipToken,
  type UseMutationOptions,
  type UseMutationResult,
  type UseQueryOptions,
  type UseQueryResult,
  type UseSuspenseQueryOptions,
  type UseSuspenseQueryResult,
  useMutation,
  useQuery,
  useQueryClient,
  useSuspenseQuery,
} from '@tanstack/react-query'
import type { TRPCClientErrorLike } from '@trpc/client'
import type {
  DecorateMutationProcedure,
  DecorateQueryProcedure,
  ResolverDef,
  TRPCQueryKeyWithoutPrefix,
  TRPCQueryKeyWithPrefix,
} from '@trpc/tanstack-react-query'
import type { AppRouter } from '../http/app-router.ts'
import { useTenantry } from './provider.tsx'

export type Tenantry = ReturnType<typeof useTenantry>
type Key = TRPCQueryKeyWithoutPrefix
export type Failure = TRPCClientErrorLike<AppRouter>

type Managed = 'queryKey' | 'queryFn' | 'initialData'
type QueryOptions<Output, Data> = Omit<UseQueryOptions<Output, Failure, Data, Key>, Managed>
type SuspenseOptions<Output, Data> = Omit<UseSuspenseQueryOptions<Output, Failure, Data, Key>, Managed>
export type MutationOptions<Input, Output> = Omit<
  UseMutationOptions<Output, Failure, Input>,
  'mutationKey' | 'mutationFn'
>

type QueryHook<Types extends ResolverDef> = <Data = Types['output']>(
  input: Types['input'] | SkipToken,
  options?: QueryOptions<Types['output'], Data>,
) => UseQueryResult<Data, Failure>

type SuspenseHook<Types extends ResolverDef> = <Data = Types['output']>(
  input: Types['input'],
  options?: SuspenseOptions<Types['output'], Data>,
) => UseSuspenseQueryResult<Data, Failure>

/** The hook of a read, and its variant that suspends until there is an answer. */
export function queryHooks<Types extends ResolverDef>(
  operationOf: (tenantry: Tenantry) => DecorateQueryProcedure<Types>,
): [QueryHook<Types>, SuspenseHook<Types>] {
  type Output = Types['output']
  return [
    (input, options) => {
      const { queryKey, queryFn } = operationOf(useTenantry()).queryOptions<Output>(input)
      return useQuery({ ...options, queryKey, queryFn })
    },
    (input, options) => {
      const { queryKey, queryFn } = operationOf(useTenantry()).queryOptions<Output>(input)
      return useSuspenseQuery({ ...options, queryKey, queryFn })
    },
  ]
}

/** The hook of a mutation; `changes` names the answers that a success makes out of date. */
export function mutationHook<Types extends ResolverDef>(
  operationOf: (tenantry: Tenantry) => DecorateMutationProcedure<Types>,
  changes: (tenantry: Tenantry) => QueryFilters<TRPCQueryKeyWithPrefix>[],
) {
  return (
    options: MutationOptions<Types['input'], Types['output']> = {},
  ): UseMutationResult<Types['output'], Failure, Types['input']> => {
    const tenantry = useTenantry()
    const queryClient = useQueryClient()
    return useMutation(
      operationOf(tenantry).mutationOptions({
        ...options,
        onSuccess: (...answered) => {
          for (const filter of changes(tenantry)) void queryClient.invalidateQueries(filter)
          return options.onSuccess?.(...answered)
        },
      }),
    )
  }
}
