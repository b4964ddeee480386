import { appRouter } from '@tenantry/control-plane'
import { createExpressMiddleware } from '@trpc/server/adapters/express'
import type { RequestHandler } from 'express'
import { type ContextOptions, createRequestContext } from '../request-context.ts'

const bodyLimitBytes = 256 * 1024
const callsPerBatch = 20

export function mountTrpc(options: ContextOptions): RequestHandler {
  return createExpressMiddleware({
    router: appRouter,
    maxBodySize: bodyLimitBytes,
    maxBatchSize: callsPerBatch,
    createContext: ({ req, res }) => createRequestContext(options, req, res, { transport: 'trpc', ifMatch: false }),
  })
}
