import type { Actor } from '../../context/actor.ts'
import type { TenantAccess } from '../../context/dependencies.ts'
import type { RequestContext } from '../../context/request-context.ts'
import { t } from '../init.ts'
import { recordOperatorUse } from '../operator-use.ts'

/** Writes down what an operator changed outside of a transaction of the request, which would tell of it. */
export const operatorCall = t.middleware(async ({ ctx, meta, next, path, getRawInput }) => {
  const { actor, access } = ctx as RequestContext & { actor: Actor; access: TenantAccess | null }
  const result = await next()
  const operation = meta?.operation
  if (result.ok && operation && actor.type === 'platformAdmin')
    await recordOperatorUse(ctx, { actor, access, operation, path, rawInput: await getRawInput() })
  return result
})
