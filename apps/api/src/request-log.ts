import { appRouter } from '@tenantry/control-plane'
import type { AnsweredCall } from '@tenantry/kernel/context/request-context'
import { restProcedures } from '@tenantry/shared/openapi/rest-procedure'
import type { Request, RequestHandler, Response } from 'express'
import type { Logger } from 'pino'
import { requestIdOf } from './request-id.ts'

const longestPath = 200
const callsOf = new WeakMap<Response, AnsweredCall[]>()
const routes = new Map(restProcedures(appRouter).map(({ name, operation }) => [name, operation.rest.path]))

/** One line for each request once it has ended; no query, no header and no body is in it. */
export function logRequests(logger: Logger): RequestHandler {
  return (request, response, next) => {
    const startedAt = performance.now()
    const calls: AnsweredCall[] = []
    callsOf.set(response, calls)
    const requestId = requestIdOf(request, response)
    response.once('close', () => {
      logger.info(
        {
          method: request.method,
          ...describe(request, calls),
          ...(response.headersSent ? { status: response.statusCode } : {}),
          milliseconds: Math.round((performance.now() - startedAt) * 10) / 10,
          requestId,
          ...(response.writableFinished ? {} : { aborted: true }),
        },
        'request',
      )
    })
    next()
  }
}

/** Where the calls of this request are told; undefined where requests are not logged. */
export function callRecorder(response: Response): ((call: AnsweredCall) => void) | undefined {
  const calls = callsOf.get(response)
  return calls && ((call) => calls.push(call))
}

function describe({ originalUrl }: Request, calls: AnsweredCall[]) {
  const [call] = calls
  // What no operation answered has no route either.
  if (!call) return { path: originalUrl.split('?', 1)[0]?.slice(0, longestPath) }
  const tenantIds = [...new Set(calls.flatMap(({ tenantId }) => tenantId ?? []))]
  return {
    route: /^\/trpc\//i.test(originalUrl) ? '/trpc' : `/api/v1${routes.get(call.operation)}`,
    operation: calls
      .map(({ operation }) => operation)
      .sort()
      .join(),
    ...(tenantIds.length > 0 ? { tenantId: tenantIds.join() } : {}),
  }
}
