import { defineErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { integer } from '@tenantry/kernel/contract/wire'
import { AppError } from '@tenantry/kernel/errors/app-error'
import { z } from 'zod'

export class UsageLimitExceededError extends AppError<'usage.limit_exceeded'> {
  override readonly name = 'UsageLimitExceededError'
}

export const limitErrors = defineErrors(
  'usage',
  { limit_exceeded: { kind: 'too_many_requests', message: 'The limit of this meter is reached.' } },
  { limit_exceeded: UsageLimitExceededError },
)

const amountOf = (meaning: string) => integer().nullable().describe(`${meaning}; null is unlimited`)

export const getLimits = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'tenant:read',
  cached: { name: 'limits', ttlSeconds: 60 },
  rest: {
    method: 'GET',
    path: '/tenants/current/limits',
    summary: "Show the current tenant's limits and where they come from",
    tags: ['Usage'],
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
