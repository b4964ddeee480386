import { authErrors, defineErrors, tenantSelectionErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { problemSchema } from '@tenantry/kernel/contract/problem'
import { id, integer, scope, tenantRef, timestamp } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'
import { limitErrors } from '../limit/contract.ts'
import { planErrors } from '../plan/contract.ts'
import { usageErrors } from '../usage/contract.ts'

export const accessErrors = defineErrors('access', {
  others_denied: { kind: 'forbidden', message: 'About the access of others only those may ask who manage members.' },
})

/** None is refused for being unknown here: nobody holds it. */
const permission = scope().describe('A scope, `noun:verb`')

const feature = z
  .string()
  .max(64)
  .regex(/^[a-z][a-z0-9_-]*(:[a-z0-9_-]+)?$/, 'Expected a name in lower case, like custom_branding.')
  .describe('A feature of plans')

const subject = {
  tenant: z.object({
    id: id('tenant'),
    slug: z.string(),
    state: z.string().describe('`active`, or why not: its own state, or that of a tenant above'),
  }),
  principal: z.object({
    type: z.enum(['user', 'apiKey', 'service', 'platformAdmin', 'system']),
    id: z.string().describe('Of a user or key; the name of a service'),
  }),
  role: z.enum(['owner', 'admin', 'member', 'viewer']).nullable().describe('Null for callers that are no members'),
}

const reason = problemSchema.omit({ code: true, requestId: true, instance: true }).extend({
  code: z.enum([
    tenantSelectionErrors.inactive.code,
    authErrors.permission_denied.code,
    planErrors.feature_missing.code,
    limitErrors.limit_exceeded.code,
  ]),
})

export const checkAccess = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'any',
  allowInactive: true,
  rateLimit: 'access',
  allowOverLimit: true,
  // The entry of tenants.usage, which whoever counts something keeps up to date.
  cached: { name: 'usage', ttlSeconds: 1 },
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/access/check',
    summary: 'Ask whether the caller may do something',
    description:
      'One question for each request of a product: is the tenant active, does the caller hold `permission`, has the plan `feature`, is there room for `amount` more of `meter`? Name at least one of the three. `reasons` has every reason against it, each a problem document without its request id. Nothing is consumed or changed. Answered from memory, at most a second old; what this process has counted shows at once. It has a rate limit of its own: as many calls a minute, for each caller, as the plan allows for reporting usage.',
    tags: ['Access'],
  },
  input: z.object({
    tenantId: tenantRef(),
    permission: permission.optional(),
    feature: feature.optional(),
    meter: z.string().min(1).max(64).optional().describe('Key of a meter'),
    amount: integer(1, 1_000_000_000_000).optional().describe('How much of the meter is about to be used; 1 if absent'),
  }),
  output: z.object({
    allowed: z.boolean(),
    reasons: z.array(reason).describe('Empty where it is allowed'),
    ...subject,
    plan: z.string(),
    usage: z
      .object({
        meter: z.string(),
        used: integer(0),
        limit: integer().nullable().describe('What the plan includes; null is unlimited'),
        hardLimit: integer().nullable().describe('Where it ends, grace included; null is unlimited'),
        remaining: integer(0).nullable().describe('Up to the hard limit; null is unlimited'),
        resetsAt: timestamp().nullable(),
      })
      .nullable()
      .describe('Of the meter that was asked for'),
  }),
  errors: [usageErrors.unknown_meter],
})

/** In the order in which they are taken. */
export const stepNames = [
  'principal',
  'tenant',
  'membership',
  'role',
  'scope',
  'plan_feature',
  'tenant_state',
  'api_key',
  'rate_limit',
] as const

export const explainAccess = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'any',
  allowInactive: true,
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/access/explain',
    summary: 'Explain why access is given or denied',
    description:
      'Every step of the decision in its order, with its outcome and what would change it. Everybody may ask about themselves; about another user only who holds `members:manage`. A refusal for want of a permission carries the path of this request as `explain`.',
    tags: ['Access'],
  },
  input: z.object({
    tenantId: tenantRef(),
    permission: permission.optional(),
    feature: feature.optional(),
    userId: id('user').optional(),
  }),
  output: z.object({
    allowed: z.boolean(),
    permission: z.string().nullable(),
    feature: z.string().nullable(),
    ...subject,
    inheritedFrom: id('tenant').nullable().describe('The ancestor whose membership gives the role'),
    steps: z.array(
      z.object({
        step: z.enum(stepNames),
        outcome: z.enum(['passed', 'failed', 'skipped']).describe('`skipped` has no bearing here'),
        detail: z.string(),
        wouldChange: z.string().nullable().describe('What would let it pass'),
      }),
    ),
  }),
  errors: [accessErrors.others_denied],
})
