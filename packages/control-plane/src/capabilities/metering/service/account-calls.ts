import type { Database } from '@tenantry/kernel/context/dependencies'
import { serviceErrors } from '@tenantry/kernel/contract/errors'
import { callPatiently } from '@tenantry/kernel/group-commit/patient-call'
import { createTurns } from '@tenantry/kernel/group-commit/turns'
import type { CounterValue } from '../repository/write.ts'

export interface AccountGiven {
  database: Pick<Database, 'writeSigned'>
  now: Date
  /** Of the catalogue that limits must be made of. */
  catalogueRevision: number
  /** Whether it waits for an account that others hold. */
  patient: boolean
}

/** `unready` where the limits must be made first; what was counted by it shows in caches, and alerts are told. */
export type AccountCall<Answer> = (
  given: AccountGiven,
) => Promise<'unready' | { answer: Answer; counters: readonly CounterValue[]; alerted: readonly string[] }>

export interface AccountCallOptions {
  makeReady(tenantId: string): Promise<void>
  call<Answer>(tenantId: string, call: AccountCall<Answer>, patient: boolean): ReturnType<AccountCall<Answer>>
}

/** Calls that wait for their turn, of all accounts and of one: those of one tenant must not shut out all others. */
const mostCalls = 1_000
const mostCallsOfAccount = 50
/** Of one account each. */
const callsAtOnce = 2

/** Calls on one account each, by signed functions of their own, beside what is counted in batches. */
export function createAccountCalls({ makeReady, call: make }: AccountCallOptions) {
  const turns = createTurns(callsAtOnce)
  const calls = new Map<Promise<unknown>, string>()
  const state = { closed: false }

  return {
    call: async <Answer>(tenantId: string, call: AccountCall<Answer>): Promise<Answer> => {
      const isFull = calls.size >= mostCalls || countOf(calls.values(), tenantId) >= mostCallsOfAccount
      if (state.closed || isFull) throw serviceErrors.overloaded({ retryAfterSeconds: 1 })
      const answered = callPatiently({
        makeReady: () => makeReady(tenantId),
        call: (until) => turns(tenantId, until, (patient) => make(tenantId, call, patient)),
      })
      calls.set(answered, tenantId)
      return answered.finally(() => calls.delete(answered))
    },
    /** Lets in nothing more, and ends when all is answered. */
    close: async () => {
      state.closed = true
      await Promise.allSettled(calls.keys())
    },
  }
}

const countOf = (tenantIds: Iterable<string>, tenantId: string) => [...tenantIds].filter((id) => id === tenantId).length
