import { randomUUID } from 'node:crypto'
import type { Actor } from '@tenantry/kernel/context/actor'
import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import type { RequestContext } from '@tenantry/kernel/context/request-context'
import { internalErrorCode } from '@tenantry/kernel/contract/errors'
import { toAppError } from '@tenantry/kernel/errors/to-trpc-error'
import { endAtOnce } from '@tenantry/kernel/trpc/end-at-once'
import { createCallerFactory } from '@tenantry/kernel/trpc/init'
import { isTrackedEnvelope } from '@trpc/server'
import { appRouter } from './router.ts'

const createCaller = createCallerFactory(appRouter)
export type InternalCaller = ReturnType<typeof createCaller>

export interface InternalCall {
  actor: Exclude<Actor, { type: 'anonymous' }>
  /** Id, slug or externalId. */
  tenantId?: string
  idempotencyKey?: string
  /** Of the request on whose behalf this is called, so that logs and audit entries can be put together. */
  requestId?: string
  /** Ends the subscriptions that are open. */
  signal?: AbortSignal
}

/**
 * Calls procedures in this process, through the same validation, permissions, isolation and audit as a request.
 * Throws the declared errors themselves (`TenantNotFoundError`, …), not tRPC's wrapping.
 */
export function createInternalCaller(dependencies: Dependencies, call: InternalCall): InternalCaller {
  const { signal } = call
  return unwrapErrors(createCaller(internalContext(dependencies, call), signal === undefined ? {} : { signal }))
}

function internalContext(dependencies: Dependencies, call: InternalCall): RequestContext {
  const requestId = call.requestId ?? randomUUID()
  return {
    dependencies,
    requestId,
    transport: 'internal',
    client: { address: null, userAgent: null },
    credentials: { actor: call.actor },
    tenantHints: call.tenantId === undefined ? {} : { header: call.tenantId },
    idempotencyKey: call.idempotencyKey ?? null,
    ifMatch: false,
    setHeader: () => undefined,
    logger: dependencies.logger.child({ requestId }),
  }
}

/** tRPC's caller is a proxy over procedure paths; this one stands around it and gives errors back as they were thrown. */
function unwrapErrors<Target extends object>(target: Target): Target {
  return new Proxy(target, {
    get: (inner, key) => unwrapErrors(Reflect.get(inner, key) as object),
    apply: async (inner, self, args) => {
      try {
        const answer: unknown = await Reflect.apply(inner as never, self, args)
        return isStream(answer) ? endAtOnce(unwrapItems(answer), () => void answer.return()) : answer
      } catch (error) {
        throw unwrapped(error)
      }
    },
  })
}

const isStream = (answer: unknown): answer is AsyncGenerator<unknown, void> =>
  typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer

async function* unwrapItems(items: AsyncIterable<unknown>): AsyncGenerator<unknown, void> {
  try {
    for await (const item of items) yield isTrackedEnvelope(item) ? { id: item[0], data: item[1] } : item
  } catch (error) {
    throw unwrapped(error)
  }
}

function unwrapped(error: unknown): unknown {
  const known = toAppError(error)
  return known.code === internalErrorCode ? error : known
}
