import type { Request, RequestHandler, Response } from 'express'
import { type AccessOptions, type AccessProblem, type AccessQuestion, askAccess } from '../access/ask.ts'

export type { AccessAnswer, AccessProblem, AccessQuestion } from '../access/ask.ts'

export interface RequireAccessOptions extends AccessOptions {
  /** The tenant that a request is about where the product knows it, from its path or host: id, slug or externalId. */
  tenant?: (request: Request) => string | undefined
}

export type RequireAccess = (question: AccessQuestion | ((request: Request) => AccessQuestion)) => RequestHandler

/**
 * Makes `requireAccess`, which lets a request of a product through if its caller may: `app.post('/runs',
 * requireAccess({ permission: 'runs:write', meter: 'pipeline_runs' }), start)`. The caller's own credentials are passed
 * on, and `response.locals.access` then tells who it is. What Tenantry refuses is answered as it says; where it cannot be
 * asked, or is asked wrongly, with 503, and `onError` hears why.
 */
export function createRequireAccess(options: RequireAccessOptions): RequireAccess {
  return (question) => async (request, response, next) => {
    const asked = typeof question === 'function' ? question(request) : question
    const verdict = await askAccess(options, callerOf(request, options), asked)
    if ('problem' in verdict) return refuse(response, verdict.problem)
    response.locals.access = verdict.answer
    next()
  }
}

const callerOf = (request: Request, { tenant }: RequireAccessOptions) => ({
  authorization: request.get('authorization'),
  apiKey: request.get('x-api-key'),
  tenantHeader: request.get('x-tenant-id'),
  tenant: tenant?.(request),
  requestId: request.get('x-request-id'),
  address: request.ip,
})

function refuse(response: Response, problem: AccessProblem): void {
  if (problem.retryAfterSeconds !== undefined) response.set('Retry-After', String(problem.retryAfterSeconds))
  if (problem.status === 401) response.set('WWW-Authenticate', 'Bearer')
  response.set('Cache-Control', 'no-store')
  response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem))
}
