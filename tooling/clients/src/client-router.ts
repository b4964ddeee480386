import type { appRouter } from '@tenantry/control-plane'
import type {
  TRPCBuiltRouter,
  TRPCMutationProcedure,
  TRPCQueryProcedure,
  TRPCSubscriptionProcedure,
} from '@trpc/server'

/** Spelled out, so that its declaration names no module of ours. */
type Plain<Value> = Value extends (infer Item)[]
  ? Plain<Item>[]
  : Value extends object
    ? { [Key in keyof Value]: Plain<Value[Key]> }
    : Value

type ClientProcedure<Procedure> =
  Procedure extends TRPCQueryProcedure<{ input: infer Input; output: infer Output; meta: infer _Meta }>
    ? TRPCQueryProcedure<{ input: Plain<Input>; output: Plain<Output>; meta: object }>
    : Procedure extends TRPCMutationProcedure<{ input: infer Input; output: infer Output; meta: infer _Meta }>
      ? TRPCMutationProcedure<{ input: Plain<Input>; output: Plain<Output>; meta: object }>
      : Procedure extends TRPCSubscriptionProcedure<{ input: infer Input; output: infer Output; meta: infer _Meta }>
        ? TRPCSubscriptionProcedure<{ input: Plain<Input>; output: Plain<Output>; meta: object }>
        : { [Name in keyof Procedure]: ClientProcedure<Procedure[Name]> }

type ClientRouter<Router> =
  Router extends TRPCBuiltRouter<infer Root, infer Record>
    ? TRPCBuiltRouter<
        { ctx: object; meta: object; errorShape: Plain<Root['errorShape']>; transformer: Root['transformer'] },
        { [Name in keyof Record]: ClientProcedure<Record[Name]> }
      >
    : never

declare function strip<Router>(router: Router): ClientRouter<Router>
declare const served: typeof appRouter

export const clientRouter = strip(served)
