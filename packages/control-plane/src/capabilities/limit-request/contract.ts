import { defineErrors, tenantSelectionErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { idPageInput, page } from '@tenantry/kernel/contract/page'
import { id, tenantRef, text, timestamp } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'
import { amountOf, reason, limitValue as value } from '../limit/contract.ts'

export const limitRequestErrors = defineErrors('limit_request', {
  not_found: { kind: 'not_found', message: 'There is no such request in this tenant.' },
  already_open: { kind: 'conflict', message: 'A request for this meter waits for a decision already.' },
  already_decided: { kind: 'conflict', message: 'This request was decided already.' },
  no_more_needed: { kind: 'conflict', message: 'No less than was asked for is allowed already.' },
})

const tags: [string] = ['Usage']
const state = z.enum(['open', 'approved', 'declined'])

const limitRequest = z.object({
  id: id('request'),
  meter: z.string(),
  value: amountOf('What is asked for'),
  reason: z.string(),
  state,
  requestedBy: z
    .object({ type: z.enum(['user', 'apiKey', 'platformAdmin', 'service', 'system']), id: z.string() })
    .nullable()
    .describe('Null where it was asked for before that was kept'),
  decisionReason: z.string().nullable(),
  createdAt: timestamp(),
  decidedAt: timestamp().nullable(),
})

const listedRequest = limitRequest.extend({ currentLimit: amountOf('What is allowed now, grace included') })

export const listLimitRequests = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'tenant:manage',
  allowOverLimit: true,
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/limits/requests',
    summary: 'List the limits that were asked for',
    description: 'The newest first, whatever was decided.',
    tags,
  },
  input: z.object({ tenantId: tenantRef(), state: state.optional(), ...idPageInput }),
  output: page(listedRequest),
})

export const listAllLimitRequests = defineOperation({
  unitOfWork: 'platform',
  type: 'query',
  permission: null,
  rest: {
    method: 'GET',
    path: '/limits/requests',
    summary: 'List the limits that tenants asked for',
    description:
      'Of all tenants, the newest first, whatever was decided: `state=open` are those that wait for a decision.',
    tags,
  },
  input: z.object({
    state: state.optional(),
    tenantId: text(1, 128).optional().describe('Only of this tenant, by id, slug or externalId'),
    ...idPageInput,
  }),
  output: page(
    listedRequest.extend({
      tenant: z.object({
        id: id('tenant'),
        slug: z.string(),
        name: z.string(),
        plan: z.string(),
        status: z.string().describe('Nothing is decided while it is not active'),
      }),
    }),
  ),
  errors: [tenantSelectionErrors.not_found],
})

export const requestLimit = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'tenant:manage',
  audit: 'limits.requested',
  allowOverLimit: true,
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/limits/requests',
    summary: 'Ask for another limit',
    description:
      'Of one meter at a time waits one request. Platform admins decide; until then nothing changes. Who asked is mailed the decision.',
    tags,
    successStatus: 201,
  },
  input: z.object({ tenantId: tenantRef(), meter: text(1, 64), value, reason }),
  output: limitRequest,
  errors: [limitRequestErrors.already_open],
})

export const decideLimitRequest = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'platform',
  audit: 'limits.request_decided',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/limits/requests/{requestId}/decision',
    summary: 'Approve or decline a request for a limit',
    description:
      'What is approved holds at once, as an override for good; where no less than that is allowed by now, it is refused. Who asked, and the owners and admins of the tenant, are mailed the decision and its reason, as far as the settings of the tenant let them.',
    tags,
  },
  input: z.object({
    tenantId: tenantRef(),
    requestId: id('request'),
    decision: z.enum(['approved', 'declined']),
    reason,
  }),
  output: limitRequest,
  errors: [limitRequestErrors.not_found, limitRequestErrors.already_decided, limitRequestErrors.no_more_needed],
})
