import { defineErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { id, integer, tenantRef } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'

export const usageSourceErrors = defineErrors('usage_source', {
  uncountable: { kind: 'unprocessable', message: 'A meter cannot stand at what its source says.' },
})

const meter = z.object({
  meter: z.string(),
  period: z.string().describe('Key of the current period'),
  comparedWith: z
    .string()
    .nullable()
    .describe('A table of the product, `events`, or null where neither can tell: nothing is changed then'),
  before: integer().describe('What the meter stood at'),
  after: integer().describe('What it stands at now; of a dry run, what it would'),
  drift: integer().describe('By how much it was corrected, or would be'),
  limit: integer().nullable().describe('What is included; null is unlimited'),
  state: z.enum(['ok', 'warning', 'grace', 'blocked']).describe('After it'),
})

const tenant = z.object({
  tenantId: z.string().describe('Id of the tenant, or as it was named where there is none'),
  slug: z.string().nullable(),
  outcome: z
    .enum(['unchanged', 'corrected', 'drifts', 'failed'])
    .describe('Only a dry run leaves what drifts as it is'),
  meters: z.array(meter),
  errors: z
    .array(
      z.object({
        meter: z.string().nullable().describe('Null where it is not one meter that failed'),
        code: z.string(),
        message: z.string(),
      }),
    )
    .describe('What failed, and why; the other meters stand in `meters`'),
})

export const migrateUsage = defineOperation({
  unitOfWork: 'platform',
  type: 'mutation',
  permission: null,
  audit: 'usage.migrated',
  // What is repeated finds nothing to correct.
  idempotency: 'none',
  rest: {
    method: 'POST',
    path: '/platform/usage/migrate',
    summary: 'Bring the usage of existing tenants up to what their data says',
    description:
      'Of a page of tenants: makes their limits, and compares each meter with its source in the plan catalogue, or a counter that has none with its events. What differs is corrected, once: by an event where a source tells, and in the counter alone where its events do. A dry run only tells. What fails for one meter or tenant is told, and the others go on.',
    tags: ['Platform'],
  },
  input: z.object({
    tenantIds: z.array(tenantRef()).min(1).max(100).optional().describe('These only; all if absent, page by page'),
    dryRun: z.boolean().default(false).describe('Tells what drifts, and changes nothing'),
    limit: integer(1, 100).default(20).describe('Tenants in a page, of all'),
    cursor: z.uuid('Expected the nextCursor of a page.').optional(),
  }),
  output: z.object({
    refused: z
      .array(z.object({ meter: z.string(), table: z.string(), reason: z.string() }))
      .describe('Sources that cannot be read safely; their meters are left alone'),
    tenants: z.array(tenant),
    nextCursor: id('tenant').nullable(),
  }),
})

export type MigratedTenant = z.output<typeof tenant>
export type MigratedMeter = z.output<typeof meter>
