import { type Actor, isOperator } from '../../context/actor.ts'
import type { TenantAccess } from '../../context/dependencies.ts'
import type { InTenant, RequestContext, TwoTenantContext } from '../../context/request-context.ts'
import type { AnyOperation } from '../../contract/operation.ts'
import { t } from '../init.ts'
import { recordOperatorUse } from '../operator-use.ts'
import { runUnit, type UnitTarget } from '../unit.ts'
import { claimKey, type IdempotentCall, storeAnswer } from './idempotency.ts'

type Entered = RequestContext & {
  actor: Actor
  access: TenantAccess | null
  idempotentCall?: IdempotentCall
  second?: TenantAccess
}

/**
 * Opens the operation's unit of work. tRPC reports a failed resolver as `{ ok: false }` instead of throwing, so the
 * result is thrown on: a bare `transactional(() => next())` would commit it.
 */
export const transaction = <Context extends object>() =>
  t.middleware(async ({ ctx, meta, next, path, getRawInput }) => {
    const entered = ctx as Entered
    const operation = meta?.operation
    if (!operation) throw new Error(`${path} declares no operation`)
    const { actor, access, idempotentCall } = entered
    let recorded = false
    const result = await runUnit({ ...entered, operation: path }, targetOf(entered, operation), async (unit) => {
      const record: typeof unit.record = (...entry) => {
        recorded = true
        unit.record(...entry)
      }
      if (access && idempotentCall) await claimKey(entered, unit.em, access.tenant.id, idempotentCall)
      const second = entered.second ? { inSecond: inSecond(entered, entered.second, unit.inTenant) } : {}
      // tRPC cannot follow what the pipeline has put into the context before.
      const inner = await next({
        ctx: {
          em: unit.em,
          afterCommit: unit.afterCommit,
          inTenant: unit.inTenant,
          record,
          ...second,
        } as unknown as Context,
      })
      if (!inner.ok) throw inner.error
      if (access && idempotentCall)
        await storeAnswer(entered, unit.em, { tenantId: access.tenant.id, call: idempotentCall, answer: inner.data })
      return inner
    })
    if (actor.type === 'platformAdmin' && operation.type === 'mutation' && !recorded) {
      await recordOperatorUse(ctx, { actor, access, operation, path, rawInput: await getRawInput() })
    }
    return result
  })

const inSecond =
  (entered: Entered, access: TenantAccess, inTenant: InTenant): TwoTenantContext['inSecond'] =>
  (work) =>
    inTenant(access.tenant.id, (unit) => {
      const { actor, logger, dependencies } = entered
      const { clock, services } = dependencies
      return work({ actor, logger, clock, services, ...unit, access, tenant: access.tenant, eventKey: null })
    })

function targetOf(
  { actor, access }: Entered,
  { type, unitOfWork, asOperator, operatorSpansTenants }: AnyOperation,
): UnitTarget {
  const readOnly = type === 'query'
  if (unitOfWork === 'tenant' && access) {
    const operated = asOperator || isOperator(actor)
    return { kind: 'tenant', tenantId: access.tenant.id, asOperator: operated, readOnly }
  }
  if (unitOfWork === 'platform' || (operatorSpansTenants && isOperator(actor))) {
    return { kind: 'platform', tenantId: null, readOnly }
  }
  if (unitOfWork === 'user' && 'id' in actor) return { kind: 'user', userId: actor.id, readOnly }
  throw new Error(`No unit of work fits: ${unitOfWork} for ${actor.type}`)
}
