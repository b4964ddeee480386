import { defineErrors, serviceErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { idPageInput, page } from '@tenantry/kernel/contract/page'
import { id, integer, tenantRef, text, timestamp } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'
import { limitErrors } from '../limit/contract.ts'
import {
  amountOf,
  eventShape,
  held,
  idempotencyKey,
  largestAmount,
  metric,
  occurredAt,
  properties,
  standing,
  usageOfMeters,
} from '../metering/contract.ts'

export const usageErrors = defineErrors('usage', {
  unknown_meter: { kind: 'not_found', message: 'The plan catalogue has no such meter.' },
  idempotency_conflict: { kind: 'unprocessable', message: 'This idempotency key was used for another event.' },
  below_zero: { kind: 'unprocessable', message: 'The gauge would fall below zero.' },
  event_not_found: { kind: 'not_found', message: 'There is no such usage event in this tenant.' },
  outdated: { kind: 'conflict', message: 'The gauge was set by a newer sequence.' },
})

const reading = { unitOfWork: 'tenant', type: 'query', permission: 'usage:read', allowOverLimit: true } as const

export const getUsage = defineOperation({
  ...reading,
  cached: { name: 'usage', ttlSeconds: 60 },
  rest: {
    method: 'GET',
    path: '/tenants/current/usage',
    summary: "Show the current tenant's usage",
    tags: ['Usage'],
  },
  input: z.object({}),
  output: usageOfMeters,
})

/** The same of a tenant that is named, as one of the operations on its usage. */
export const getUsageStats = defineOperation({
  ...reading,
  cached: { name: 'usage', ttlSeconds: 60 },
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/usage',
    summary: "Show a tenant's usage",
    tags: ['Usage'],
  },
  input: z.object({ tenantId: tenantRef() }),
  output: usageOfMeters,
})

export const checkUsage = defineOperation({
  ...reading,
  rateLimit: 'access',
  cached: { name: 'usage', ttlSeconds: 1 },
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/usage/check',
    summary: 'Ask whether there is room for some usage',
    description:
      'Advice, at most a second old: nothing is counted or held, and others may use what is left meanwhile. Whoever must not pass the limit consumes.',
    tags: ['Usage'],
  },
  input: z.object({ tenantId: tenantRef(), metric, amount: integer(1, largestAmount).default(1) }),
  output: z.object({ allowed: z.boolean(), ...standing, held, hardLimit: amountOf('Where it ends, grace included') }),
  errors: [usageErrors.unknown_meter],
})

const usageEvent = z.object({
  id: id('usage event'),
  metric: z.string(),
  amount: integer().describe('Of a gauge that was set, by how much it changed'),
  occurredAt: timestamp(),
  receivedAt: timestamp(),
  idempotencyKey: z.string().nullable(),
  voids: id('usage event').nullable().describe('The event that this one takes back'),
  properties: properties.nullable(),
})

export const listUsageEvents = defineOperation({
  ...reading,
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/usage/events',
    summary: 'List what was counted, event by event',
    description: 'The newest first.',
    tags: ['Usage'],
  },
  input: z.object({ tenantId: tenantRef(), ...idPageInput, metric: metric.optional() }),
  output: page(usageEvent),
  errors: [usageErrors.unknown_meter],
})

const day = z.iso.date()
const granularity = z.enum(['day', 'week', 'month'])

export const getUsageTrends = defineOperation({
  ...reading,
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/usage/trends',
    summary: 'Show usage over time',
    description:
      "By the days of the tenant's timezone on which it was used. Weeks begin on Monday; of the first and the last one only the days asked for count.",
    tags: ['Usage'],
  },
  input: z.object({
    tenantId: tenantRef(),
    from: day.optional().describe('First day; 29 before the last one if absent'),
    to: day.optional().describe('Last day, 400 days in all at most; today if absent'),
    granularity: granularity.default('day'),
    metric: z.array(metric).min(1).max(100).optional().describe('All that are reported if absent'),
  }),
  output: z.object({
    from: day,
    to: day,
    granularity,
    series: z.array(
      z.object({
        metric: z.string(),
        unit: z.string(),
        points: z.array(
          z.object({
            start: day.describe('First day of the day, week or month'),
            used: integer().describe('Of a gauge, by how much it changed'),
            events: integer(0),
          }),
        ),
      }),
    ),
  }),
  errors: [usageErrors.unknown_meter],
})

const deferred =
  'What is deferred cannot be counted now, and will be: of a meter that fails open. Its limit is told as null, for it is not known.'
const counted = z.object({
  outcome: z.enum(['accepted', 'duplicate', 'deferred']).describe(deferred),
  amount: integer(),
  ...standing,
  used: integer(0).describe('In the period of the event; of one that is deferred its amount alone'),
})

const counting = {
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'usage:write',
  rateLimit: 'usage',
  idempotency: 'event',
  audit: { none: 'usage events are a ledger of their own' },
} as const
const { unknown_meter, idempotency_conflict, below_zero } = usageErrors
const countingErrors = [unknown_meter, idempotency_conflict, below_zero, serviceErrors.overloaded] as const

export const trackUsage = defineOperation({
  ...counting,
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/usage',
    summary: 'Record usage that has happened',
    description:
      'Recorded even above the limit. A repeated key counts once: the Idempotency-Key header or `idempotencyKey`; without one every call counts.',
    tags: ['Usage'],
    successStatus: 201,
  },
  input: z.object({ tenantId: tenantRef(), ...eventShape, occurredAt }),
  output: counted,
  errors: [...countingErrors],
})

export const consumeUsage = defineOperation({
  ...counting,
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/usage/consume',
    summary: 'Use what is left, or nothing',
    description:
      'Checks and counts at once: whoever is answered has used it, and nobody gets past the limit however many ask. A repeated key counts once; a refused one may be tried again.',
    tags: ['Usage'],
    successStatus: 201,
  },
  input: z.object({ tenantId: tenantRef(), ...eventShape }),
  output: counted,
  errors: [...countingErrors, limitErrors.limit_exceeded],
})

export const batchedEvent = z.strictObject({ ...eventShape, occurredAt })
export type BatchedEvent = z.input<typeof batchedEvent>

export const trackUsageBatch = defineOperation({
  ...counting,
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/usage/batch',
    summary: 'Record much usage at once',
    description:
      'Each event counts for itself: one that is rejected leaves the others alone. Give each an `idempotencyKey`, so that the whole batch can be sent again.',
    tags: ['Usage'],
    bodyLimitBytes: 2 * 1024 * 1024,
  },
  input: z.object({
    tenantId: tenantRef(),
    // Checked one by one, so that a malformed event costs no other; the types say what is expected all the same.
    events: z
      .array(z.unknown().meta(z.toJSONSchema(batchedEvent, { io: 'input' })) as unknown as z.ZodType<BatchedEvent>)
      .min(1)
      .max(1_000),
  }),
  output: z.object({
    results: z
      .array(
        z.object({
          outcome: z.enum(['accepted', 'duplicate', 'deferred', 'rejected']),
          code: z.string().optional().describe('Why it was rejected'),
          message: z.string().optional(),
          issues: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
          used: integer(0).optional().describe('In the period of the event, after it'),
        }),
      )
      .describe('One for each event, in their order'),
  }),
})

export const setGauge = defineOperation({
  ...counting,
  permission: 'usage:adjust',
  idempotency: 'none',
  rest: {
    method: 'PUT',
    path: '/tenants/{tenantId}/usage/gauges/{meter}',
    summary: 'Set what a gauge stands at',
    description:
      'Recorded even above the limit. With a `sequence` the newest wins, in whatever order they arrive; one of the same sequence again is taken.',
    tags: ['Usage'],
  },
  input: z.object({
    tenantId: tenantRef(),
    meter: metric.describe('Key of a gauge'),
    value: integer(0),
    sequence: integer(0).optional().describe('Rises with each value, like a version or a time in milliseconds'),
  }),
  output: z.object(standing),
  errors: [usageErrors.unknown_meter, usageErrors.outdated, serviceErrors.overloaded],
})

export const voidUsage = defineOperation({
  ...counting,
  permission: 'usage:adjust',
  idempotency: 'response',
  audit: 'usage.voided',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/usage/void',
    summary: 'Take back an event',
    description:
      'By an event against it, in its own period; once, however often it is asked. Name the event by one of both.',
    tags: ['Usage'],
  },
  input: z.object({
    tenantId: tenantRef(),
    eventId: id('usage event').optional(),
    idempotencyKey: idempotencyKey.optional().describe('Of its keys the newest, where it was used again'),
    reason: text(1, 500),
  }),
  output: usageEvent,
  errors: [usageErrors.event_not_found, usageErrors.below_zero, serviceErrors.overloaded],
})
