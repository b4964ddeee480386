import { appRouter } from '@tenantry/control-plane'
import { createExpressMiddleware } from '@trpc/server/adapters/express'
import type { RequestHandler } from 'express'
import { type ContextOptions, createRequestContext, requestIdOf } from '../request-context.ts'

const bodyLimitBytes = 256 * 1024
const callsPerBatch = 20

export function mountTrpc(options: ContextOptions): RequestHandler {
  const answer = createExpressMiddleware({
    router: appRouter,
    maxBodySize: bodyLimitBytes,
    maxBatchSize: callsPerBatch,
    createContext: ({ req, res }) => createRequestContext(options, req, res, { transport: 'trpc', ifMatch: false }),
    // tRPC itself calls the answer to a request that it cannot read plain text.
    responseMeta: ({ info }) => (info ? {} : { headers: { 'content-type': 'application/json' } }),
  })
  return (request, response, next) => {
    // What tRPC refuses before it asks for a context would leave without one.
    requestIdOf(request, response)
    answer(request, response, next)
  }
}
