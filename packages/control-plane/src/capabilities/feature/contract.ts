import { defineOperation } from '@tenantry/kernel/contract/operation'
import { tenantRef, text, timestamp } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'

const tags: [string] = ['Features']

const output = z.object({
  overrides: z.array(
    z.object({
      feature: z.string(),
      granted: z.boolean().describe('false: withdrawn'),
      reason: z.string(),
      expiresAt: timestamp().nullable(),
      createdAt: timestamp(),
    }),
  ),
})

export const listFeatureOverrides = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'platform',
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/features/overrides',
    summary: 'List the features that are granted or withdrawn whatever the plan has',
    description: 'By feature; those that have ended are left out.',
    tags,
  },
  input: z.object({ tenantId: tenantRef() }),
  output,
})

export const setFeatureOverrides = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'platform',
  audit: 'features.overridden',
  rest: {
    method: 'PUT',
    path: '/tenants/{tenantId}/features/overrides',
    summary: 'Grant or withdraw features of one tenant',
    description:
      'Of the features you name, others stay as they are; null takes an override away, so that the plan decides again. It holds at once, in every plan, and ends at exactly `expiresAt`.',
    tags,
  },
  input: z.object({
    tenantId: tenantRef(),
    overrides: z
      .record(
        text(1, 64),
        z
          .strictObject({
            granted: z.boolean().describe('false withdraws what the plan has'),
            expiresAt: timestamp().nullable().optional().describe('In the future; for good without one'),
          })
          .nullable(),
      )
      .refine((overrides) => Object.keys(overrides).length > 0, 'Expected at least one feature.')
      .describe('By feature'),
    reason: text(1, 500).describe('Kept with it, and in the audit log'),
  }),
  output,
})
