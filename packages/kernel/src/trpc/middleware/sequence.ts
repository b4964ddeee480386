import type { Actor } from '../../context/actor.ts'
import type { RequestContext } from '../../context/request-context.ts'
import { t } from '../init.ts'
import { openSequence } from '../sequence.ts'
import { type IdempotentCall, replay } from './idempotency.ts'

type Entered = RequestContext & { actor: Actor; idempotentCall?: IdempotentCall }

/** Opens no transaction: the service asks for one after the other, and keeps the Idempotency-Key itself. */
export const sequence = <Context extends object>() =>
  t.middleware(({ ctx, next, path }) => {
    const entered = ctx as Entered
    const { idempotentCall = null } = entered
    const opened = { ...openSequence({ ...entered, operation: path }), idempotentCall, replay }
    return next({ ctx: opened as unknown as Context })
  })
