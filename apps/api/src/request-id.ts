import { randomUUID } from 'node:crypto'
import type { Request, Response } from 'express'

/** The caller's own id where it is harmless text, one of ours otherwise; sent back either way. */
export function requestIdOf(request: Request, response: Response): string {
  const known = response.getHeader('X-Request-Id')
  if (typeof known === 'string') return known
  const given = request.get('x-request-id')
  const requestId = given !== undefined && /^[\w.:-]{1,100}$/.test(given) ? given : randomUUID()
  response.setHeader('X-Request-Id', requestId)
  return requestId
}
