import { appRouter } from '@tenantry/control-plane'
import { nameRequest } from '@tenantry/kernel/trpc/init'
import { createExpressMiddleware } from '@trpc/server/adapters/express'
import type { RequestHandler } from 'express'
import { type ContextOptions, createRequestContext } from '../request-context.ts'
import { requestIdOf } from '../request-id.ts'

const bodyLimitBytes = 256 * 1024
const callsPerBatch = 20

/** Proxies end a stream that is silent, and a client that hears nothing for three beats connects again. */
function withStreams(router: typeof appRouter, milliseconds: number): typeof appRouter {
  const sse = {
    ping: { enabled: true, intervalMs: milliseconds },
    client: { reconnectAfterInactivityMs: 3 * milliseconds },
  }
  // A line for each answer is no JSON as a whole.
  const jsonl = { contentType: 'application/jsonl' } as const
  return { ...router, _def: { ...router._def, _config: { ...router._def._config, sse, jsonl } } }
}

/** tRPC's own `Vary` would replace the one that the choice of an allowed origin needs. */
const vary = 'Origin, trpc-accept, accept'

/** A stream says more about itself. */
const answerHeaders = { 'cache-control': 'no-store' }

/** tRPC itself calls the answer to a request that it cannot read plain text. */
const unreadHeaders = { 'content-type': 'application/json' }

export function mountTrpc(options: ContextOptions): RequestHandler {
  const answer = createExpressMiddleware({
    router: withStreams(appRouter, options.dependencies.services.eventStreams.heartbeatMilliseconds),
    maxBodySize: bodyLimitBytes,
    maxBatchSize: callsPerBatch,
    createContext: ({ req, res }) =>
      createRequestContext(options, req, res, { transport: 'trpc', ifMatch: false, tenant: undefined }),
    onError: ({ error, ctx, req }) => {
      if (!ctx && req.res) nameRequest(error, requestIdOf(req, req.res))
    },
    responseMeta: ({ info, type }) => ({
      headers: { vary, ...(type === 'subscription' ? {} : answerHeaders), ...(info ? {} : unreadHeaders) },
    }),
  })
  return (request, response, next) => {
    // What tRPC refuses before it asks for a context would leave without one.
    requestIdOf(request, response)
    answer(request, response, next)
  }
}
