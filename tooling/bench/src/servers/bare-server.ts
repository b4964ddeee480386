import type { RequestContext } from '@tenantry/kernel/context/request-context'
import type { router } from '@tenantry/kernel/trpc/init'
import { createRestHandler } from '@tenantry/shared/openapi/express'
import { createExpressMiddleware } from '@trpc/server/adapters/express'
import express from 'express'
import helmet from 'helmet'

/** What a ceiling stands on: the same kind of server and the same doors, and no middleware. */
export function serveBare(bareRouter: ReturnType<typeof router>): void {
  const createContext = async () => ({ requestId: 'bare', ifMatch: false }) as RequestContext
  const app = express()
  app.disable('x-powered-by').disable('etag')
  app.use(helmet())
  app.use('/trpc', createExpressMiddleware({ router: bareRouter, createContext }))
  app.use('/api/v1', createRestHandler({ router: bareRouter, createContext }))
  app.listen(Number(process.env.PORT), '127.0.0.1')
  process.on('SIGTERM', () => process.exit(0))
}
