import { z } from 'zod'

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
    used: z.number().optional(),
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
  })
  .meta({ id: 'Problem' })

export type Problem = z.infer<typeof problemSchema>
