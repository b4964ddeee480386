import { defineErrors } from '@tenantry/kernel/contract/errors'
import { integer, rawText, text, timestamp } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'

/** Of a process that serves nobody, such as the command line. */
export const catalogueForceErrors = defineErrors('catalogue', {
  not_in_force: {
    kind: 'conflict',
    message:
      'The services have another plan catalogue than this process. Name their file by PLAN_CATALOGUE, or reload it there first.',
  },
})

// What operations on usage tell and take.

const state = z.enum(['ok', 'warning', 'grace', 'blocked'])
export const amountOf = (meaning: string) => integer().nullable().describe(`${meaning}; null is unlimited`)
export const largestAmount = 1_000_000_000_000
export const metric = text(1, 64).describe('Key of a meter')
export const standing = {
  metric: z.string(),
  used: integer(0).describe('In the current period'),
  limit: amountOf('What the plan includes'),
  remaining: amountOf('Until the end, grace included'),
  state,
  resetsAt: timestamp().nullable(),
}
export const held = integer(0).describe('Reserved, and neither settled nor expired')
export const flatLimit = integer(-1).describe('-1 is unlimited')

const largestProperties = 4_096

export const properties = z
  .record(rawText(100), z.union([rawText(500), z.number(), z.boolean(), z.null()]))
  .refine((given) => JSON.stringify(given).length <= largestProperties, {
    error: `Expected at most ${largestProperties} characters as JSON.`,
  })
  .describe('At most 4096 characters as JSON')

export const idempotencyKey = z.string().regex(/^[\x21-\x7e]{1,255}$/, 'Expected 1 to 255 visible ASCII characters.')

export const eventShape = {
  metric,
  amount: integer(-largestAmount, largestAmount)
    .default(1)
    .describe('Counters take 1 and more, gauges any change but 0'),
  idempotencyKey: idempotencyKey.optional(),
  properties: properties.optional(),
}
export const occurredAt = z.iso.datetime({ offset: true }).optional().describe('At most 31 days ago; now if absent')

export const usageOfMeters = z.object({
  meters: z.array(
    z.object({
      meter: z.string(),
      kind: z.enum(['counter', 'gauge', 'concurrency']),
      unit: z.string(),
      used: integer(0),
      held,
      limit: amountOf('What the plan includes'),
      hardLimit: amountOf('Where it ends, grace included'),
      percent: z.number().nullable().describe('Of the limit; null where it is unlimited'),
      state,
      resetsAt: timestamp().nullable(),
    }),
  ),
  usersCount: integer(0),
  usersLimit: flatLimit,
  teamsCount: integer(0),
  teamsLimit: flatLimit,
  conversationsCount: integer(0),
  conversationsLimit: flatLimit,
  tokensUsed: integer(0),
  tokensLimit: flatLimit,
  storageUsedMb: z.number(),
  apiCallsToday: integer(0),
})
