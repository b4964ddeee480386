import type { RequestContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import type { AppError } from '@tenantry/kernel/errors/app-error'
import { toAppError } from '@tenantry/kernel/errors/to-trpc-error'
import { type AnyTRPCRouter, callTRPCProcedure } from '@trpc/server'
import type { Request, RequestHandler, Response } from 'express'
import { answerOptions, answerProblem, answerResult } from './answer.ts'
import { asPreconditionFailure } from './preconditions.ts'
import { createInputReader, type InputReader } from './request-input.ts'
import { isTenantHint, pathParameters, type RestProcedure, restProcedures, takesIfMatch } from './rest-procedure.ts'
import { createRouteTrie, pathSegments, type RouteMatch, type RouteTrie } from './route-trie.ts'

export interface RestHandlerOptions {
  router: AnyTRPCRouter
  /** An unknown error goes to Express's `next`. */
  createContext(request: Request, response: Response, said: SaidByRequest): Promise<RequestContext>
}

export interface SaidByRequest {
  /** It names the version it expects by `If-Match`. */
  ifMatch: boolean
  /** Its path names the tenant of an operation that takes none as its input. */
  tenant: string | undefined
}

interface Route extends RestProcedure {
  readInput: InputReader
}

interface Exchange {
  request: Request
  response: Response
  ctx: RequestContext
  signal: AbortSignal
}

/**
 * Serves every operation of the router by its REST route; mount it at `/api/v1`. It reads bodies itself, so no body
 * parser belongs before it. Throws if two operations share a route or a path names no input field.
 */
export function createRestHandler({ router, createContext }: RestHandlerOptions): RequestHandler {
  const routes = buildRoutes(router)
  return async (request, response, next) => {
    const found = findRoute(routes, request)
    if (request.method === 'OPTIONS' && found.allow !== '') return answerOptions(response, found.allow)
    try {
      const signal = closeSignal(response)
      const said = { ifMatch: namesVersion(request, found.match), tenant: tenantInPath(found.match) }
      const ctx = await createContext(request, response, said)
      response.setHeader('X-Request-Id', ctx.requestId)
      await serve(router, found, { request, response, ctx, signal })
    } catch (error) {
      const known = toAppError(error)
      if (known.kind === 'internal') return next(error)
      if (!isClosed(response)) answerProblem(request, response, known, String(response.getHeader('X-Request-Id') ?? ''))
    }
  }
}

function buildRoutes(router: AnyTRPCRouter): RouteTrie<Route> {
  const routes = createRouteTrie<Route>()
  for (const { name, operation } of restProcedures(router)) {
    const route: Route = { name, operation, readInput: createInputReader(operation) }
    for (const { method, path } of [operation.rest, ...(operation.rest.aliases ?? [])]) {
      const stray = pathParameters(path).find(
        (parameter) => !(parameter in operation.input.shape || isTenantHint(operation, parameter)),
      )
      if (stray !== undefined) throw new Error(`${name}: ${path} names {${stray}}, which its input does not have`)
      routes.add(method, path, route)
    }
  }
  return routes
}

interface Found {
  match: RouteMatch<Route> | null
  allow: string
  /** Why there is no match; made only when asked for, since most requests have one. */
  refusal(): AppError
}

function findRoute(routes: RouteTrie<Route>, request: Request): Found {
  try {
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const { match, allowed } = routes.find(method, pathSegments(request.path))
    if (allowed.length === 0) return { match, allow: '', refusal: requestErrors.not_found }
    const methods = [...allowed, ...(allowed.includes('GET') ? ['HEAD'] : []), 'OPTIONS']
    return { match, allow: methods.sort().join(', '), refusal: requestErrors.method_not_allowed }
  } catch (error) {
    return { match: null, allow: '', refusal: () => toAppError(error) }
  }
}

async function serve(router: AnyTRPCRouter, { match, allow, refusal }: Found, exchange: Exchange): Promise<void> {
  const { request, response, ctx, signal } = exchange
  try {
    if (!match) {
      if (allow !== '') response.setHeader('Allow', allow)
      throw refusal()
    }
    const { name, operation, readInput } = match.target
    const input = await readInput(request, match.parameters).catch((error: unknown) => {
      logUnread(error, name, ctx)
      throw error
    })
    const data: unknown = await callTRPCProcedure({
      router,
      path: name,
      type: operation.type,
      getRawInput: async () => input,
      ctx,
      signal,
      batchIndex: 0,
    })
    if (!isClosed(response)) answerResult(request, response, match.target, data)
  } catch (error) {
    refuse(error, exchange)
  }
}

/** The pipeline logs what fails in it; a request that breaks off while it is read never gets there. */
function logUnread(error: unknown, procedure: string, { logger, requestId }: RequestContext): void {
  if (toAppError(error).kind === 'internal')
    logger.warn({ requestId, procedure, err: error }, 'a request could not be read')
}

function refuse(error: unknown, { request, response, ctx }: Exchange): void {
  const known = toAppError(error)
  if (isClosed(response)) return
  answerProblem(request, response, ctx.ifMatch ? asPreconditionFailure(known) : known, ctx.requestId)
}

function namesVersion(request: Request, match: RouteMatch<Route> | null): boolean {
  return match !== null && request.headers['if-match'] !== undefined && takesIfMatch(match.target.operation)
}

function tenantInPath(match: RouteMatch<Route> | null): string | undefined {
  return match?.parameters.find(([name]) => isTenantHint(match.target.operation, name))?.[1]
}

/** Aborts once the client is gone before it was answered. */
function closeSignal(response: Response): AbortSignal {
  const controller = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) controller.abort()
  })
  return controller.signal
}

function isClosed(response: Response): boolean {
  return response.headersSent || response.writableEnded || response.destroyed
}
