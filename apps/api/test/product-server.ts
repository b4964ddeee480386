import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type AccessQuestion, createRequireAccess } from '@tenantry/shared/express'
import { createRequireAccess as createProcedureGuard } from '@tenantry/shared/trpc'
import { initTRPC } from '@trpc/server'
import { createExpressMiddleware } from '@trpc/server/adapters/express'
import express from 'express'
import { onTestFinished } from 'vitest'

export interface ProductRequest {
  headers?: Record<string, string>
  /** As the product itself names it. */
  tenant?: string | undefined
}

export interface ProductAnswer {
  status: number
  headers: Headers
  /** The problem document, or what the product's own work answered. */
  body: Record<string, unknown>
}

export interface Product {
  /** How often the product's own work has run. */
  worked(): number
  doors: Record<'express' | 'trpc', (request?: ProductRequest) => Promise<ProductAnswer>>
}

interface ProductOptions {
  url: string
  question: AccessQuestion
  timeoutMilliseconds?: number
}

/** A product service that asks before it works, over both kinds of door. Ends with the test. */
export async function startProduct({ question, ...options }: ProductOptions): Promise<Product> {
  let worked = 0
  const app = express()
  const requireAccess = createRequireAccess({ ...options, tenant: ({ query }) => query.tenant as string | undefined })
  app.post('/work', requireAccess(question), (_request, response) => {
    worked++
    response.json(response.locals.access)
  })

  const t = initTRPC.context<{ request: IncomingMessage }>().create()
  const guard = createProcedureGuard({
    ...options,
    caller: ({ request: { headers, url = '', socket } }: { request: IncomingMessage }) => ({
      authorization: headers.authorization,
      apiKey: headers['x-api-key'] as string | undefined,
      tenantHeader: headers['x-tenant-id'] as string | undefined,
      tenant: new URL(url, 'http://product').searchParams.get('tenant') ?? undefined,
      address: socket.remoteAddress,
    }),
  })
  const router = t.router({
    work: t.procedure.concat(guard(question)).mutation(({ ctx }) => {
      worked++
      return ctx.access
    }),
  })
  app.use('/trpc', createExpressMiddleware({ router, createContext: ({ req }) => ({ request: req }) }))

  const origin = await listen(app)
  const post = async (path: string, { headers = {}, tenant }: ProductRequest = {}) => {
    const response = await fetch(`${origin}${path}${tenant === undefined ? '' : `?tenant=${tenant}`}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
    })
    return { status: response.status, headers: response.headers, json: (await response.json()) as never }
  }
  return {
    worked: () => worked,
    doors: {
      express: async (request) => {
        const { json, ...answer } = await post('/work', request)
        return { ...answer, body: json }
      },
      trpc: async (request) => {
        const { json, ...answer } = await post('/trpc/work', request)
        const { result, error } = json as { result?: { data: never }; error?: { data: { problem: never } } }
        return { ...answer, body: result?.data ?? error?.data.problem ?? {} }
      },
    },
  }
}

async function listen(app: express.Express): Promise<string> {
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
