import type { RequestContext } from '@tenantry/kernel/context/request-context'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { operationMeta, router, t } from '@tenantry/kernel/trpc/init'
import { createRestHandler } from '@tenantry/shared/openapi/express'
import { createExpressMiddleware } from '@trpc/server/adapters/express'
import express from 'express'
import helmet from 'helmet'
import { z } from 'zod'

/** The ceiling: the same kind of server and the same doors, a procedure that does nothing, and no middleware. */
const operation = defineOperation({
  unitOfWork: 'none',
  type: 'query',
  permission: null,
  rest: { method: 'GET', path: '/empty', summary: 'Nothing', tags: ['Empty'] },
  input: z.object({}),
  output: z.object({}),
})

const emptyRouter = router({
  empty: t.procedure
    .meta(operationMeta(operation))
    .input(z.prefault(operation.input, {}))
    .output(operation.output)
    .query(() => ({})),
})

const createContext = async () => ({ requestId: 'empty', ifMatch: false }) as RequestContext
const app = express()
app.disable('x-powered-by').disable('etag')
app.use(helmet())
app.use('/trpc', createExpressMiddleware({ router: emptyRouter, createContext }))
app.use('/api/v1', createRestHandler({ router: emptyRouter, createContext }))
app.listen(Number(process.env.PORT), '127.0.0.1')
process.on('SIGTERM', () => process.exit(0))
