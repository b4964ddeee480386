import type { EntityManager } from '@mikro-orm/postgresql'
import { tracked } from '@trpc/server'
import type { z } from 'zod'
import type { Actor } from '../../context/actor.ts'
import type { TenantAccess } from '../../context/dependencies.ts'
import type { RequestContext, StreamItem } from '../../context/request-context.ts'
import { tenantSelectionErrors } from '../../contract/errors.ts'
import type { AnyOperation } from '../../contract/operation.ts'
import { toTrpcError } from '../../errors/to-trpc-error.ts'
import { endAtOnce } from '../end-at-once.ts'
import { t } from '../init.ts'
import { authenticateAgain } from './authentication.ts'
import { authorize } from './authorization.ts'
import { answerOf } from './errors.ts'
import { refuseInactive } from './tenant.ts'

type Entered = RequestContext & { actor: Actor; access: TenantAccess }

/** Gives a subscription its context, and stands around its items as the pipeline stands around one answer. */
export const subscription = <Context extends object>() =>
  t.middleware(async ({ ctx, meta, next, path, signal: aborted }) => {
    const entered = ctx as Entered
    const operation = meta?.operation
    if (operation?.type !== 'subscription') throw new Error(`${path} is served as a subscription and declared as none`)
    const { dependencies, actor, access } = entered
    const unit = { tenantId: access.tenant.id, actor, readOnly: true }
    const read = <Value>(load: (em: EntityManager) => Promise<Value>) => dependencies.database.tenantUnit(unit, load)
    const recheck = () => checkAgain(entered, operation)
    const leaving = new AbortController()
    const signal = aborted ? AbortSignal.any([aborted, leaving.signal]) : leaving.signal
    const result = await next({
      ctx: { read, recheck, signal } as unknown as Context,
    })
    if (!result.ok) throw result.error
    const items = result.data as AsyncIterable<StreamItem<unknown>>
    const answers = answered(items, operation.output, { ctx, path })
    return { ...result, data: endAtOnce(answers, () => leaving.abort()) } as typeof result
  })

/** The checks of the pipeline, on the tenant that it has found. */
async function checkAgain(ctx: Entered, operation: AnyOperation): Promise<TenantAccess> {
  const { actor, key } = await authenticateAgain(ctx)
  const access = key?.access ?? (await ctx.dependencies.directory.findAccess(actor, ctx.access.tenant.id))
  if (!access) throw tenantSelectionErrors.not_found()
  refuseInactive(operation, actor, access)
  authorize(operation, actor, access)
  return access
}

/** What ends a stream is refused like a call, but is no attempt, and so in no audit log. */
async function* answered(
  items: AsyncIterable<StreamItem<unknown>>,
  output: z.ZodType,
  { ctx, path }: { ctx: RequestContext; path: string },
): AsyncGenerator<unknown, void> {
  try {
    for await (const { id, data } of items) yield tracked(id, output.parse(data))
  } catch (error) {
    const answer = answerOf(error, ctx, path)
    throw toTrpcError(answer.kind === 'internal' ? error : answer)
  }
}
