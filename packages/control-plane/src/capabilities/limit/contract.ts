import { defineErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { idPageInput, page } from '@tenantry/kernel/contract/page'
import { id, integer, tenantRef, text, timestamp } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'

export { limitErrors, UsageLimitExceededError } from '@tenantry/kernel/contract/errors'

export const limitGrantErrors = defineErrors('limit_grant', {
  not_found: { kind: 'not_found', message: 'There is no such grant in this tenant.' },
})

const tags: [string] = ['Usage']
export const amountOf = (meaning: string) => integer().nullable().describe(`${meaning}; null is unlimited`)

export const getLimits = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'tenant:read',
  cached: { name: 'limits', ttlSeconds: 60 },
  allowOverLimit: true,
  rest: {
    method: 'GET',
    path: '/tenants/current/limits',
    summary: "Show the current tenant's limits and where they come from",
    tags,
    aliases: [{ method: 'GET', path: '/tenants/{tenantId}/limits' }],
  },
  input: z.object({}),
  output: z.object({
    tier: z.string(),
    limits: z.array(
      z.object({
        meter: z.string(),
        limit: amountOf('What is included'),
        grace: integer(0).describe('Allowed past the limit'),
        graceDays: integer(0),
        hardLimit: amountOf('Limit and grace'),
        source: z.enum(['plan', 'override', 'grant', 'parent']),
      }),
    ),
    features: z.array(z.string()),
  }),
})

const expiresAt = timestamp().nullable().optional().describe('In the future; for good without one')
export const reason = text(1, 500).describe('Kept with it, and in the audit log')
export const limitValue = z
  .union([integer(-1).nullable(), z.literal('unlimited')])
  .describe('In place of what the plan allows, without grace; null, -1 and "unlimited" are unlimited')

const overridesOutput = z.object({
  overrides: z.array(
    z.object({
      meter: z.string(),
      value: amountOf('In place of what the plan allows'),
      reason: z.string().nullable(),
      expiresAt: timestamp().nullable(),
      createdAt: timestamp(),
    }),
  ),
})

export const listLimitOverrides = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'platform',
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/limits/overrides',
    summary: 'List the limits that hold in place of the plan',
    description: 'By meter; those that have ended are left out.',
    tags,
  },
  input: z.object({ tenantId: tenantRef() }),
  output: overridesOutput,
})

export const setLimitOverrides = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'platform',
  audit: 'limits.overridden',
  rest: {
    method: 'PUT',
    path: '/tenants/{tenantId}/limits/overrides',
    summary: 'Set limits in place of the plan',
    description:
      'Of the meters you name, others stay as they are; null takes an override away. It holds at once: raised, what was blocked goes on; lowered below what is used, the meter is blocked, and its alerts are told.',
    tags,
  },
  input: z.object({
    tenantId: tenantRef(),
    overrides: z
      .record(text(1, 64), z.strictObject({ value: limitValue, expiresAt }).nullable())
      .refine((overrides) => Object.keys(overrides).length > 0, 'Expected at least one meter.')
      .describe('By meter'),
    reason,
  }),
  output: overridesOutput,
})

const grant = z.object({
  id: id('grant'),
  meter: z.string(),
  amount: integer(1),
  reason: z.string(),
  expiresAt: timestamp().nullable(),
  createdAt: timestamp(),
})

export const listLimitGrants = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'platform',
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/limits/grants',
    summary: 'List what is granted on top of limits',
    description: 'The newest first; those that have ended are left out.',
    tags,
  },
  input: z.object({ tenantId: tenantRef(), ...idPageInput }),
  output: page(grant),
})

export const grantLimit = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'platform',
  audit: 'limits.granted',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/limits/grants',
    summary: 'Grant more of a meter',
    description:
      'Added at once to what the plan or an override allows, in every period until it ends. Grants add up and have no grace; a meter without a limit stays so.',
    tags,
    successStatus: 201,
  },
  input: z.object({ tenantId: tenantRef(), meter: text(1, 64), amount: integer(1), reason, expiresAt }),
  output: grant,
})

export const revokeLimitGrant = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'platform',
  audit: 'limits.grant_revoked',
  rest: {
    method: 'DELETE',
    path: '/tenants/{tenantId}/limits/grants/{grantId}',
    summary: 'Take a grant back',
    description: 'Where more is used than is then allowed, the meter is blocked at once, and its alerts are told.',
    tags,
  },
  input: z.object({ tenantId: tenantRef(), grantId: id('grant') }),
  output: z.object({ id: id('grant'), revokedAt: timestamp() }),
  errors: [limitGrantErrors.not_found],
})
