import {
  type InfiniteData,
  type QueryFunction,
  type SkipToken,
  skipToken,
  type UseInfiniteQueryOptions,
  type UseInfiniteQueryResult,
  type UseSuspenseInfiniteQueryOptions,
  type UseSuspenseInfiniteQueryResult,
  useInfiniteQuery,
  useSuspenseInfiniteQuery,
} from '@tanstack/react-query'
import type { DecorateQueryProcedure, ResolverDef, TRPCQueryKeyWithPrefix } from '@trpc/tanstack-react-query'
import type { Failure, Tenantry } from './hook-factory.ts'
import { useTenantry } from './provider.tsx'

/** Where a page begins: the `nextCursor` of the one before. */
type Cursor = string | undefined
type Key = TRPCQueryKeyWithPrefix
type Managed = 'queryKey' | 'queryFn' | 'initialPageParam' | 'getNextPageParam' | 'initialData'

export interface InfiniteOptions<Output, Data>
  extends Omit<UseInfiniteQueryOptions<Output, Failure, Data, Key, Cursor>, Managed> {}
export interface SuspenseInfiniteOptions<Output, Data>
  extends Omit<UseSuspenseInfiniteQueryOptions<Output, Failure, Data, Key, Cursor>, Managed> {}

export type InfiniteHook<Input, Output> = <Data = InfiniteData<Output, Cursor>>(
  input: Omit<Input, 'cursor'> | SkipToken,
  options?: InfiniteOptions<Output, Data>,
) => UseInfiniteQueryResult<Data, Failure>

export type SuspenseInfiniteHook<Input, Output> = <Data = InfiniteData<Output, Cursor>>(
  input: Omit<Input, 'cursor'>,
  options?: SuspenseInfiniteOptions<Output, Data>,
) => UseSuspenseInfiniteQueryResult<Data, Failure>

type PagedDef = ResolverDef & { output: { nextCursor: string | null } }
type Paged<Types extends PagedDef> = DecorateQueryProcedure<Types> & {
  infiniteQueryKey(input?: Partial<Types['input']>): Key
}

/** The hooks of a list that gather its pages: `fetchNextPage` asks for the next one while `hasNextPage`. */
export function infiniteHooks<Types extends PagedDef>(
  operationOf: (tenantry: Tenantry) => Paged<Types>,
): [InfiniteHook<Types['input'], Types['output']>, SuspenseInfiniteHook<Types['input'], Types['output']>] {
  type Output = Types['output']
  return [
    (input, options) => {
      const pages = pagesOf<Types>(operationOf(useTenantry()), input)
      return useInfiniteQuery({ ...options, ...pages })
    },
    (input, options) => {
      const { queryKey, queryFn, ...paging } = pagesOf<Types>(operationOf(useTenantry()), input)
      // Only the input that this hook does not take is skipped.
      return useSuspenseInfiniteQuery({
        ...options,
        ...paging,
        queryKey,
        queryFn: queryFn as QueryFunction<Output, Key, Cursor>,
      })
    },
  ]
}

interface Pages<Output> {
  queryKey: Key
  queryFn: QueryFunction<Output, Key, Cursor> | SkipToken
  initialPageParam: Cursor
  getNextPageParam(page: Output): Cursor
}

/** Asks page by page as the plain hook would; tRPC's own way adds a direction that no operation takes. */
function pagesOf<Types extends PagedDef>(
  operation: Paged<Types>,
  input: Omit<Types['input'], 'cursor'> | SkipToken,
): Pages<Types['output']> {
  type Output = Types['output']
  const readPage: QueryFunction<Output, Key, Cursor> = ({ client, meta, pageParam: cursor }) => {
    const pageInput = { ...(input as object), ...(cursor === undefined ? {} : { cursor }) }
    const { queryKey, queryFn } = operation.queryOptions(pageInput as Types['input'])
    // Missing or skipped, as its type says, it is for other inputs only; it reads no more than this of its context.
    return (queryFn as unknown as QueryFunction<Output>)({ client, meta, queryKey } as never)
  }
  return {
    queryKey: operation.infiniteQueryKey(input === skipToken ? undefined : (input as Partial<Types['input']>)),
    queryFn: input === skipToken ? skipToken : readPage,
    initialPageParam: undefined,
    getNextPageParam: ({ nextCursor }) => nextCursor ?? undefined,
  }
}
