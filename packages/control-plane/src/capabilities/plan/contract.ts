import { defineErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { integer } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'

export const planErrors = defineErrors('plan', {
  feature_missing: { kind: 'forbidden', message: 'The plan of this tenant does not have this feature.' },
})

const price = z.object({
  micros: integer(0).describe('Micro-units of the currency'),
  per: integer(1).describe('for every so many units'),
})

export const listPlans = defineOperation({
  unitOfWork: 'none',
  type: 'query',
  permission: null,
  rateLimit: 'public',
  rest: {
    method: 'GET',
    path: '/plans',
    summary: 'List the plans',
    description: 'From the lowest to the highest, with limits, features and prices. Needs no sign-in.',
    tags: ['Plans'],
  },
  input: z.object({}),
  output: z.object({
    currency: z.string(),
    meters: z.array(
      z.object({
        meter: z.string(),
        kind: z.enum(['counter', 'gauge', 'concurrency']),
        period: z.enum(['hour', 'day', 'month', 'total', 'none']),
        unit: z.string(),
        description: z.string(),
      }),
    ),
    items: z.array(
      z.object({
        name: z.string(),
        title: z.string(),
        monthlyPriceMicros: integer(0),
        limits: z.record(z.string(), z.number().nullable()).describe('By meter; null is unlimited'),
        features: z.array(z.string()),
        overagePrices: z.record(z.string(), price),
      }),
    ),
  }),
})
