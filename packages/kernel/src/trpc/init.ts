import { initTRPC, type TRPCError } from '@trpc/server'
import superjson from 'superjson'
import type { RequestContext } from '../context/request-context.ts'
import type { AnyOperation, RestRoute } from '../contract/operation.ts'
import type { Problem } from '../contract/problem.ts'
import { toProblem } from '../errors/problem.ts'
import { toAppError } from '../errors/to-trpc-error.ts'

/** `openapi` is what the OpenAPI document generator reads; everything else stands in `operation`. */
export interface OperationMeta {
  operation: AnyOperation
  openapi?: {
    method: RestRoute['method']
    path: `/${string}`
    summary: string
    description?: string
    tags: string[]
    protect: boolean
  }
}

const requestIds = new WeakMap<TRPCError, string>()

/** For what is refused before there is a context, which would name the request. */
export const nameRequest = (error: TRPCError, requestId: string): void => void requestIds.set(error, requestId)

/**
 * What superjson makes of a value that is JSON already, as every answer is by its declaration; walking through the
 * answer to find that out took longer than the rest of a warm read.
 */
const asJson = (json: unknown) => ({ json })

export const t = initTRPC
  .context<RequestContext>()
  .meta<OperationMeta>()
  .create({
    transformer: { input: superjson, output: { serialize: asJson, deserialize: superjson.deserialize } },
    isDev: false,
    errorFormatter({ shape, error, ctx }) {
      const known = toAppError(error)
      const problem: Problem = toProblem(known, ctx?.requestId ?? requestIds.get(error) ?? '')
      return {
        ...shape,
        message: problem.detail,
        data: { code: shape.data.code, httpStatus: problem.status, path: shape.data.path, problem },
      }
    },
  })

export const router = t.router
export const createCallerFactory = t.createCallerFactory

export function operationMeta(operation: AnyOperation): OperationMeta {
  if (operation.rest === null) return { operation }
  const { method, path, summary, description, tags } = operation.rest
  return {
    operation,
    openapi: {
      method,
      path,
      summary,
      ...(description ? { description } : {}),
      tags,
      protect: operation.unitOfWork !== 'none',
    },
  }
}
