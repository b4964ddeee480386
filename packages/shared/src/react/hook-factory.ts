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

// Interfaces, since declarations spell out what a type alias stands for, in names that its package keeps to itself.
export interface QueryOptions<Output, Data> extends Omit<UseQueryOptions<Output, Failure, Data, Key>, Managed> {}
export interface SuspenseOptions<Output, Data>
  extends Omit<UseSuspenseQueryOptions<Output, Failure, Data, Key>, Managed> {}
export interface MutationOptions<Input, Output>
  extends Omit<UseMutationOptions<Output, Failure, Input>, 'mutationKey' | 'mutationFn'> {}

export type QueryHook<Input, Output> = <Data = Output>(
  input: Input | SkipToken,
  options?: QueryOptions<Output, Data>,
) => UseQueryResult<Data, Failure>

export type SuspenseHook<Input, Output> = <Data = Output>(
  input: Input,
  options?: SuspenseOptions<Output, Data>,
) => UseSuspenseQueryResult<Data, Failure>

export type MutationHook<Input, Output> = (
  options?: MutationOptions<Input, Output>,
) => UseMutationResult<Output, Failure, Input>

/** The hook of a read, and its variant that suspends until there is an answer. */
export function queryHooks<Types extends ResolverDef>(
  operationOf: (tenantry: Tenantry) => DecorateQueryProcedure<Types>,
): [QueryHook<Types['input'], Types['output']>, SuspenseHook<Types['input'], Types['output']>] {
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
): MutationHook<Types['input'], Types['output']> {
  return (options = {}) => {
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
