import { toTrpcError } from '../errors/to-trpc-error.ts'
import { t } from './init.ts'
import { authenticate } from './middleware/authentication.ts'
import { authorize } from './middleware/authorization.ts'
import { answerOf } from './middleware/errors.ts'
import { observe } from './middleware/logging.ts'
import { type Draw, drawRate } from './middleware/rate-limit.ts'
import { selectTenant } from './middleware/tenant.ts'

/**
 * What every call goes through before its input is read, in this order. One middleware: tRPC copies the whole context
 * for each, which cost more than the steps themselves.
 */
export const pipeline = t.middleware(async ({ ctx, meta, next, path, getRawInput }) => {
  const operation = meta?.operation
  if (!operation) throw new Error(`${path} declares no operation`)
  const observed = observe(ctx, path)
  let draw: Draw | undefined
  try {
    const caller = await authenticate(ctx, operation)
    const access =
      operation.unitOfWork === 'tenant'
        ? await selectTenant(ctx, caller, { operation, path, rawInput: await getRawInput() })
        : null
    const { actor } = caller
    await authorize(ctx, { actor, access }, { operation, path })
    draw = await drawRate(ctx, { actor, access }, operation)
    const result = await next({ ctx: { actor, access, tenant: access?.tenant, eventKey: null } })
    if (!result.ok) throw result.error
    observed(200)
    return result
  } catch (error) {
    const answer = answerOf(error, ctx, path)
    observed(answer.status)
    await draw?.refused(answer)
    throw toTrpcError(answer.kind === 'internal' ? error : answer)
  }
})
