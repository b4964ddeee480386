import { defineErrors, serviceErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { id, integer, tenantRef, timestamp } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'
import { limitErrors } from '../limit/contract.ts'
import { eventShape, held, largestAmount, properties, standing } from '../metering/contract.ts'
import { usageErrors } from '../usage/contract.ts'

export const reservationErrors = defineErrors('reservation', {
  not_found: { kind: 'not_found', message: 'There is no such reservation in this tenant.' },
  already_settled: { kind: 'conflict', message: 'This reservation was settled otherwise, or already.' },
  too_many: { kind: 'too_many_requests', message: 'Too many reservations of this meter wait to be settled.' },
})

const reserving = {
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'usage:write',
  rateLimit: 'usage',
  audit: { none: 'reservations are settled in the ledger of usage events' },
} as const

export const reserveUsage = defineOperation({
  ...reserving,
  idempotency: 'event',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/usage/reservations',
    summary: 'Hold what is left, before it is known how much will be used',
    description:
      'Held against the limit, as if it were used, until it is committed or released, or it expires. A repeated key answers the same reservation, as long as that holds anything; one that was committed is refused, and one that was released or has expired leaves its key to the next. Keys of events are others.',
    tags: ['Usage'],
    successStatus: 201,
  },
  input: z.object({
    tenantId: tenantRef(),
    metric: eventShape.metric,
    amount: integer(1, largestAmount).describe('The most that may be used'),
    ttlSeconds: integer(10, 86_400).default(300).describe('Seconds after which it expires'),
    idempotencyKey: eventShape.idempotencyKey,
    properties: eventShape.properties.describe('Kept with the event that it is committed as'),
  }),
  output: z.object({
    id: id('reservation'),
    outcome: z.enum(['accepted', 'duplicate']),
    amount: integer(1),
    expiresAt: timestamp(),
    held,
    ...standing,
  }),
  errors: [
    usageErrors.unknown_meter,
    usageErrors.idempotency_conflict,
    limitErrors.limit_exceeded,
    reservationErrors.too_many,
    reservationErrors.already_settled,
    serviceErrors.overloaded,
  ],
})

const reservationId = id('reservation')

export const getReservation = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'usage:read',
  allowOverLimit: true,
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/usage/reservations/{reservationId}',
    summary: 'Show a reservation',
    description: 'Kept for 32 days.',
    tags: ['Usage'],
  },
  input: z.object({ tenantId: tenantRef(), reservationId }),
  output: z.object({
    id: id('reservation'),
    metric: z.string(),
    amount: integer(1).describe('What was reserved'),
    state: z
      .enum(['held', 'expired', 'committed', 'released'])
      .describe('expired: it holds nothing any more, and may be committed all the same'),
    committed: integer(0).nullable().describe('What was used of it; null where it was not committed'),
    idempotencyKey: z.string().nullable().describe('Null too where it was left to another reservation'),
    properties: properties.nullable(),
    reservedAt: timestamp(),
    expiresAt: timestamp(),
    settledAt: timestamp().nullable(),
  }),
  errors: [reservationErrors.not_found],
})

const settled = z.object({
  id: id('reservation'),
  outcome: z.enum(['accepted', 'duplicate']),
  settledAs: z.enum(['committed', 'released']),
  reserved: integer(1),
  amount: integer(0).describe('What was used; nothing of one that was released'),
  ...standing,
})
const settlingErrors = [
  reservationErrors.not_found,
  reservationErrors.already_settled,
  serviceErrors.overloaded,
] as const

export const commitReservation = defineOperation({
  ...reserving,
  idempotency: 'none',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/usage/reservations/{reservationId}/commit',
    summary: 'Count what was used of a reservation',
    description:
      'In the period in which it was reserved, and whatever the limit: more than was reserved, and after it has expired, as what has happened. The same again counts once.',
    tags: ['Usage'],
  },
  input: z.object({
    tenantId: tenantRef(),
    reservationId,
    amount: integer(0, largestAmount).optional().describe('All that was reserved if absent'),
  }),
  output: settled,
  errors: [...settlingErrors],
})

export const releaseReservation = defineOperation({
  ...reserving,
  idempotency: 'none',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/usage/reservations/{reservationId}/release',
    summary: 'Give a reservation back',
    tags: ['Usage'],
  },
  input: z.object({ tenantId: tenantRef(), reservationId }),
  output: settled,
  errors: [...settlingErrors],
})
