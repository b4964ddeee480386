import type {
  TRPCBuiltRouter,
  TRPCMutationProcedure,
  TRPCQueryProcedure,
  TRPCSubscriptionProcedure,
} from '@trpc/server'
import type { ErrorCode, Operations, ProblemDocument } from './operations.ts'

/** Why a call was refused: RFC 9457 problem details with a stable code. */
export interface Problem extends Omit<ProblemDocument, 'code'> {
  code: ErrorCode
}

interface ErrorShape {
  code: number
  message: string
  data: { code: string; httpStatus: number; path: string | undefined; problem: Problem }
}

interface OperationTypes {
  type: string
  input: unknown
  output: unknown
}

type Procedure<Types extends OperationTypes> = Types['type'] extends 'query'
  ? TRPCQueryProcedure<{ input: Types['input']; output: Types['output']; meta: object }>
  : Types['type'] extends 'subscription'
    ? TRPCSubscriptionProcedure<{
        input: Types['input']
        output: AsyncIterable<Types['output'], void, unknown>
        meta: object
      }>
    : TRPCMutationProcedure<{ input: Types['input']; output: Types['output']; meta: object }>

type Procedures<Entry> = {
  [Name in keyof Entry]: Entry[Name] extends OperationTypes ? Procedure<Entry[Name]> : Procedures<Entry[Name]>
}

/** The server's router as its clients see it: the operations, without the context they run in. */
export type AppRouter = TRPCBuiltRouter<
  { ctx: object; meta: object; errorShape: ErrorShape; transformer: true },
  Procedures<Operations>
>
