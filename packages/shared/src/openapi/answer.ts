import { requestErrors } from '@tenantry/kernel/contract/errors'
import type { AppError } from '@tenantry/kernel/errors/app-error'
import { toProblem } from '@tenantry/kernel/errors/problem'
import type { Request, Response } from 'express'
import { entityTag, isUnchanged } from './preconditions.ts'
import { queryText } from './request-input.ts'
import { type RestProcedure, successStatus } from './rest-procedure.ts'

export function answerResult(request: Request, response: Response, { operation }: RestProcedure, data: unknown): void {
  const reads = request.method === 'GET' || request.method === 'HEAD'
  const body = JSON.stringify(data ?? null)
  const tag = operation.rest.versioned ? entityTag(data, body) : null
  const cursor = (data as { nextCursor?: unknown } | null | undefined)?.nextCursor
  const unchanged = reads && tag !== null && isUnchanged(request.headers['if-none-match'], tag)
  const status = unchanged ? 304 : successStatus(operation)
  if (tag !== null) response.setHeader('ETag', tag)
  if (reads && typeof cursor === 'string') response.setHeader('Link', nextLink(request, cursor))
  if (status === 304 || status === 204) end(response, status)
  else endJson(response, status, 'application/json', body)
}

export function answerProblem(request: Request, response: Response, error: AppError, requestId: string): void {
  const { retryAfterSeconds } = error.details
  if (retryAfterSeconds !== undefined) response.setHeader('Retry-After', String(retryAfterSeconds))
  if (error.kind === 'unauthenticated') response.setHeader('WWW-Authenticate', 'Bearer')
  // What is left of the body is not worth receiving.
  if (error.code === requestErrors.too_large.code) response.setHeader('Connection', 'close')
  const problem = toProblem(error, requestId, ownPath(request))
  endJson(response, error.status, 'application/problem+json', JSON.stringify(problem))
}

export function answerOptions(response: Response, allow: string): void {
  response.setHeader('Allow', allow)
  end(response, 204)
}

// Sent as text: Node writes it together with the head, where bytes would cost a second write.
function endJson(response: Response, status: number, mediaType: string, body: string): void {
  response.setHeader('Content-Type', mediaType)
  response.setHeader('Content-Length', Buffer.byteLength(body))
  end(response, status, body)
}

// Not Express's `send`: that adds entity tags of its own and answers 304 by them.
function end(response: Response, status: number, body?: string): void {
  response.statusCode = status
  response.setHeader('Cache-Control', 'no-store')
  response.end(body)
}

function nextLink(request: Request, cursor: string): string {
  const query = new URLSearchParams(queryText(request))
  query.set('cursor', cursor)
  return `<${ownPath(request).replace(/[<>]/g, encodeURIComponent)}?${query}>; rel="next"`
}

function ownPath(request: Request): string {
  return request.baseUrl + request.path
}
