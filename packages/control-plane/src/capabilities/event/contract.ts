import { defineErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation, defineSubscription } from '@tenantry/kernel/contract/operation'
import { page, pageInput } from '@tenantry/kernel/contract/page'
import { id, integer, tenantRef, timestamp } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'

export const eventErrors = defineErrors('event', {
  too_many_streams: { kind: 'too_many_requests', message: 'Too many streams of this tenant are open.' },
})

const amount = integer().nullable().describe('null is unlimited')

const baseRole = z.enum(['owner', 'admin', 'member', 'viewer'])

/** What happens to a tenant. Closed: a new type is an addition to what clients are told. */
const happenings = [
  z.object({
    type: z.literal('tenant.updated'),
    occurredAt: timestamp(),
    changed: z.array(z.string()).describe('Names of the fields; their values are read from the tenant'),
    version: integer(1).describe('Of the tenant, after the change'),
  }),
  z.object({
    type: z.literal('tenant.suspended'),
    occurredAt: timestamp(),
    reason: z.string(),
    until: timestamp().nullable().describe('When it ends by itself; null is never'),
    version: integer(1).describe('Of the tenant, after the change; so below'),
  }),
  z.object({
    type: z.literal('tenant.reactivated'),
    occurredAt: timestamp(),
    reason: z.string(),
    version: integer(1),
  }),
  z.object({
    type: z.literal('tenant.removed'),
    occurredAt: timestamp(),
    deleteAfter: timestamp().describe('Until then it can be restored'),
    version: integer(1),
  }),
  z.object({
    type: z.literal('tenant.restored'),
    occurredAt: timestamp(),
    status: z.string().describe('The state it is back in'),
    version: integer(1),
  }),
  z.object({
    type: z.literal('settings.updated'),
    occurredAt: timestamp(),
    changed: z.array(z.string()).describe('`name`, or paths like `settings.branding.primaryColor`'),
    version: integer(1).describe('Of the settings, after the change'),
  }),
  z.object({ type: z.literal('member.added'), occurredAt: timestamp(), userId: id('user'), role: baseRole }),
  z.object({ type: z.literal('member.role_changed'), occurredAt: timestamp(), userId: id('user'), role: baseRole }),
  z.object({ type: z.literal('member.removed'), occurredAt: timestamp(), userId: id('user') }),
  z.object({
    type: z.literal('usage.threshold_reached'),
    occurredAt: timestamp(),
    meter: z.string(),
    thresholdPercent: integer(1).nullable().describe("One of the plan's alert thresholds; null is the hard limit"),
    state: z.enum(['ok', 'warning', 'grace', 'blocked']),
    used: integer(0),
    limit: amount,
    hardLimit: amount,
    resetsAt: timestamp().nullable(),
  }),
] as const

export const tenantEvent = z.discriminatedUnion('type', happenings)

/** The first item where nothing is known of what happened before: read anew what you show. */
const resync = z.object({
  type: z.literal('resync'),
  occurredAt: timestamp(),
  reason: z.enum(['started', 'gap']).describe('`gap`: what happened since `lastEventId` is not kept any more'),
})

const eventId = z
  .string()
  .regex(/^(?:0|[1-9]\d{0,15})$/, 'Expected the id of an event.')
  .describe('Go on after this event; EventSource says it by the header Last-Event-ID')

export const watchEvents = defineSubscription({
  permission: 'tenant:read',
  summary: 'Watch what happens to the current tenant',
  description:
    'Each event once and in order; after a lost connection those after `lastEventId`, for seven days. Usage events come to callers with usage:read, settings events to those with settings:read, member events to those with members:read.',
  input: z.object({ lastEventId: eventId.optional() }),
  output: z.discriminatedUnion('type', [...happenings, resync]),
  errors: [eventErrors.too_many_streams],
})

export const listEvents = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'tenant:read',
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/event-log',
    summary: 'List what happened to a tenant lately',
    description:
      'The newest first, for seven days. Usage events need usage:read, settings events settings:read, member events members:read.',
    tags: ['Events'],
  },
  input: z.object({ tenantId: tenantRef(), ...pageInput }),
  output: page(z.object({ id: z.string(), event: tenantEvent })),
})
