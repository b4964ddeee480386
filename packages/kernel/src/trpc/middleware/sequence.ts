import type { Actor } from '../../context/actor.ts'
import type { RequestContext, SequenceContext } from '../../context/request-context.ts'
import { t } from '../init.ts'
import { openSequence } from '../sequence.ts'
import { claimKey, type IdempotentCall, replay, storeAnswer } from './idempotency.ts'

type Entered = RequestContext & { actor: Actor; idempotentCall?: IdempotentCall }

/** Opens no transaction: the service asks for one after the other, and keeps the Idempotency-Key itself. */
export const sequence = <Context extends object>() =>
  t.middleware(({ ctx, next, path }) => {
    const entered = ctx as Entered
    const { idempotentCall = null } = entered
    const opened = { ...openSequence({ ...entered, operation: path }), idempotentCall, replay, once: onceFor(entered) }
    return next({ ctx: opened as unknown as Context })
  })

const onceFor =
  (entered: Entered): SequenceContext['once'] =>
  async ({ em, tenant }, work) => {
    const { idempotentCall: call } = entered
    if (call === undefined) return work()
    await claimKey(entered, em, tenant.id, call)
    const answer = await work()
    await storeAnswer(entered, em, { tenantId: tenant.id, call, answer })
    return answer
  }
