import { z } from 'zod'

/** Something that a change would break. */
export const breakingSchema = z.object({
  kind: z
    .enum(['meter', 'count', 'feature'])
    .describe('meter: used above its new limit; count: members and the like to be removed; feature: lost while in use'),
  name: z.string().describe('Of the meter or the feature'),
  message: z.string(),
  used: z.number().optional(),
  limit: z.number().optional().describe('The new one'),
  hardLimit: z.number().optional().describe('The new one, with grace'),
  excess: z.number().optional().describe('How much is above the new limit'),
  state: z.enum(['ok', 'warning', 'grace', 'blocked']).optional().describe('Of the meter, after the change'),
  usedBy: z
    .array(
      z.object({
        type: z.enum(['api_keys', 'custom_roles', 'settings']),
        count: z.int(),
        names: z.array(z.string()).describe('The first ten'),
      }),
    )
    .optional()
    .describe('What has use of the feature, as far as it is known here'),
})

export type Breaking = z.infer<typeof breakingSchema>

/** RFC 9457 problem details: the body of every REST error and `error.data.problem` of every tRPC error. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().optional(),
    code: z.string(),
    requestId: z.string(),
    issues: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    currentVersion: z.int().optional(),
    missingScope: z.string().optional(),
    missingScopes: z.array(z.string()).optional(),
    explain: z.string().optional(),
    meter: z.string().optional(),
    limit: z.number().nullable().optional(),
    hardLimit: z.number().nullable().optional().describe('Of a meter: where it ends, grace included'),
    used: z.number().optional(),
    remaining: z.number().nullable().optional().describe('Of a meter: what would still fit, up to its hard limit'),
    held: z.number().optional(),
    resetsAt: z.iso.datetime().optional(),
    retryAfterSeconds: z.int().optional(),
    state: z.string().optional(),
    reason: z.string().nullable().optional(),
    until: z.iso.datetime().optional(),
    ancestorId: z.string().optional(),
    childCount: z.int().optional(),
    from: z.string().optional(),
    to: z.string().optional(),
    key: z.string().optional(),
    writableBy: z.string().optional(),
    lockedBy: z.string().optional(),
    requiresFeature: z.string().optional(),
    tenants: z.array(z.string()).optional(),
    breaking: z.array(breakingSchema).optional(),
  })
  .meta({ id: 'Problem' })

export type Problem = z.infer<typeof problemSchema>
