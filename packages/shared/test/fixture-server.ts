import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { RequestContext } from '@tenantry/kernel/context/request-context'
import type { Problem } from '@tenantry/kernel/contract/problem'
import type { AnyTRPCRouter } from '@trpc/server'
import { createExpressMiddleware } from '@trpc/server/adapters/express'
import express, { type Response } from 'express'
import { pino } from 'pino'
import { createRestHandler } from '../src/openapi/express.ts'

export interface LogLine {
  level: number
  requestId: string
  procedure: string
  err: { message: string }
}

export interface FixtureServer extends AsyncDisposable {
  /** Of the REST door, `http://127.0.0.1:…/api/v1`. */
  url: string
  trpcUrl: string
  port: number
  log: LogLine[]
}

/** What the tests look at in any answer of the fixture. */
export type Answer = Problem & { name: string; received: Record<string, unknown> }

export async function readAnswer(response: { json(): Promise<unknown> }): Promise<Answer> {
  // Each test asserts on the fields it expects.
  return (await response.json()) as Answer
}

/** Both doors over one router, on a free loopback port. */
export async function startServer(router: AnyTRPCRouter): Promise<FixtureServer> {
  const log: LogLine[] = []
  const logger = pino({}, { write: (line: string) => void log.push(JSON.parse(line)) })
  const contextFor = async (response: Response, ifMatch: boolean): Promise<RequestContext> => ({
    // The fixture's procedures have no pipeline and use none of them.
    dependencies: {} as RequestContext['dependencies'],
    requestId: 'request-1',
    transport: 'rest',
    client: { address: null, userAgent: null },
    credentials: {},
    tenantHints: {},
    idempotencyKey: null,
    ifMatch,
    setHeader: (name, value) => void response.setHeader(name, value),
    logger,
  })
  const app = express()
  app.use('/trpc', createExpressMiddleware({ router, createContext: ({ res }) => contextFor(res, false) }))
  app.use(
    '/api/v1',
    createRestHandler({ router, createContext: (_request, response, { ifMatch }) => contextFor(response, ifMatch) }),
  )
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/api/v1`,
    trpcUrl: `http://127.0.0.1:${port}/trpc`,
    port,
    log,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
