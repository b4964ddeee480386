import type { TenantAccess } from '../context/dependencies.ts'
import type { RequestContext } from '../context/request-context.ts'
import { tenantSelectionErrors } from '../contract/errors.ts'
import type { AppError } from '../errors/app-error.ts'
import { toTrpcError } from '../errors/to-trpc-error.ts'
import { refuseBlocked } from './abuse.ts'
import { recordDenial } from './denial.ts'
import { t } from './init.ts'
import { authenticate, type Caller } from './middleware/authentication.ts'
import { authorize, refuseSwitchedOff } from './middleware/authorization.ts'
import { cachedRead } from './middleware/cached-read.ts'
import { countCall } from './middleware/call-quota.ts'
import { answerOf } from './middleware/errors.ts'
import { observe } from './middleware/logging.ts'
import { type Draw, drawRate } from './middleware/rate-limit.ts'
import { findSecondTenantId } from './middleware/second-tenant.ts'
import { selectTenant } from './middleware/tenant.ts'
import { recordOperatorUse } from './operator-use.ts'

/** The fields every service gets, whatever it works on. */
const serviceFields = ({ dependencies }: RequestContext) => ({
  clock: dependencies.clock,
  services: dependencies.services,
})

/**
 * What every call goes through before its input is read, in this order. One middleware: tRPC copies the whole context
 * for each, which cost more than the steps themselves.
 */
export const pipeline = <Context extends object>() =>
  t.middleware(async ({ ctx, meta, next, path, getRawInput }) => {
    const operation = meta?.operation
    if (!operation) throw new Error(`${path} declares no operation`)
    const observed = observe(ctx, path)
    let draw: Draw | undefined
    let caller: Caller | undefined
    let access: TenantAccess | null = null
    try {
      caller = await authenticate(ctx, operation)
      refuseBlocked(ctx, caller.actor)
      refuseSwitchedOff(operation, caller.actor, ctx.dependencies.platformAccess)
      access =
        operation.unitOfWork === 'tenant'
          ? await selectTenant(ctx, caller, { operation, path, rawInput: await getRawInput() })
          : null
      const { actor } = caller
      authorize(operation, actor, access)
      draw = await drawRate(ctx, { actor, access }, operation)
      await countCall(ctx, { actor, access }, operation)
      const entered = { actor, access, tenant: access?.tenant, eventKey: null, ...serviceFields(ctx) }
      const cached = cachedRead(ctx, entered, operation)
      // tRPC cannot follow which operation gets what.
      const result = await next({ ctx: { ...entered, ...cached } as unknown as Context })
      if (!result.ok) throw result.error
      if (actor.type === 'platformAdmin' && operation.type !== 'mutation') {
        await recordOperatorUse(ctx, { actor, access, operation, path, rawInput: await getRawInput() })
      }
      observed(200, access?.tenant.id)
      return result
    } catch (error) {
      const answer = answerOf(error, ctx, path)
      if (access) explain(ctx, answer, access)
      const { meter } = answer.details
      if (answer.kind === 'too_many_requests' && meter !== undefined) ctx.dependencies.metrics.quotaRefused(meter)
      observed(answer.status, access?.tenant.id)
      await draw?.refused(answer)
      if (caller && isDenial(answer)) {
        const { actor } = caller
        const tenantId = access?.tenant.id ?? (actor.type === 'apiKey' ? actor.tenantId : null)
        await recordDenial(ctx, {
          actor,
          code: answer.code,
          operation: path,
          tenantIds: async () => [tenantId, await findSecondTenantId(ctx, operation, await getRawInput())],
        })
      }
      throw toTrpcError(answer.kind === 'internal' ? error : answer)
    }
  })

/**
 * Only who has access to the tenant gets there: for anybody else there is none. What is refused for another reason than a
 * scope (to everybody but operators, to keys) says so itself.
 */
function explain({ dependencies }: RequestContext, { kind, details }: AppError, { tenant }: TenantAccess): void {
  if (kind !== 'forbidden' || details.missingScope === undefined) return
  details.explain = dependencies.explainPath(tenant.id, details.missingScope)
}

/** Whoever refused it, the pipeline or a service. That a tenant is suspended is a state, not an attempt. */
const isDenial = ({ kind, code }: AppError) => kind === 'forbidden' && code !== tenantSelectionErrors.inactive.code
