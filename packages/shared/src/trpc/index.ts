import { problemToTrpcError } from '@tenantry/kernel/errors/to-trpc-error'
import { initTRPC } from '@trpc/server'
import {
  type AccessAnswer,
  type AccessCaller,
  type AccessOptions,
  type AccessProblem,
  type AccessQuestion,
  askAccess,
} from '../access/ask.ts'

export type { AccessAnswer, AccessCaller, AccessProblem, AccessQuestion } from '../access/ask.ts'

export interface RequireAccessOptions<Context extends object> extends AccessOptions {
  /** Whose call it is, from what the product's own context holds of the request. */
  caller(ctx: Context): AccessCaller
}

/**
 * Makes `requireAccess`, which lets a call of a product through if its caller may:
 * `t.procedure.concat(requireAccess({ permission: 'runs:write' })).mutation(…)`. The caller's own credentials are
 * passed on, and `ctx.access` then tells who it is. What Tenantry refuses is thrown, with its problem document in
 * `error.data.problem`; where it cannot be asked, with status 503.
 */
export function createRequireAccess<Context extends object>({ caller, ...options }: RequireAccessOptions<Context>) {
  const t = initTRPC.context<Context>().create()
  return (question: AccessQuestion) =>
    t.procedure
      .errors(({ shape, error }) => {
        const problem = (error.cause as { problem?: AccessProblem } | undefined)?.problem
        return problem && { ...shape, data: { ...shape.data, problem } }
      })
      .use(async ({ ctx, next }) => {
        // It is the very context, in a type that tRPC has taken apart.
        const verdict = await askAccess(options, caller(ctx as unknown as Context), question)
        if ('problem' in verdict) throw problemToTrpcError(verdict.problem)
        const access: AccessAnswer = verdict.answer
        return next({ ctx: { access } })
      })
}
