import { appRouter } from '@tenantry/control-plane'
import { createRestHandler } from '@tenantry/shared/openapi/express'
import type { RequestHandler } from 'express'
import { type ContextOptions, createRequestContext } from '../request-context.ts'

export function mountRest(options: ContextOptions): RequestHandler {
  return createRestHandler({
    router: appRouter,
    createContext: async (request, response, said) =>
      createRequestContext(options, request, response, { transport: 'rest', ...said }),
  })
}
