import type { z } from 'zod'
import type { listLimitRequests } from '../contract.ts'
import type { LimitRequest } from '../repository.ts'

type Described = z.input<typeof listLimitRequests.output>['items'][number]

export const describe = (request: LimitRequest) => ({
  id: request.id,
  meter: request.meter,
  value: request.value ?? null,
  reason: request.reason,
  state: request.state,
  requestedBy: requesterOf(request),
  decisionReason: request.decisionReason ?? null,
  createdAt: request.createdAt,
  decidedAt: request.decidedAt ?? null,
})

/** The contract lists the kinds; no other can ask. */
const requesterOf = ({ requestedByType, requestedById }: LimitRequest) =>
  requestedByType && requestedById
    ? { type: requestedByType as NonNullable<Described['requestedBy']>['type'], id: requestedById }
    : null

export const targetOf = ({ id }: LimitRequest) => ({ type: 'limit_request', id })
