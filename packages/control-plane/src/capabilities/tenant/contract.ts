import { defineErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { idPageInput, page } from '@tenantry/kernel/contract/page'
import { isReservedName } from '@tenantry/kernel/contract/reserved-names'
import { textProblem } from '@tenantry/kernel/contract/text'
import { expectedVersion, id, integer, tenantRef, text, timestamp, timezone } from '@tenantry/kernel/contract/wire'
import { AppError } from '@tenantry/kernel/errors/app-error'
import { z } from 'zod'

/** How deep tenants stand below one another, a tenant without parent being the first level. */
export const maximumLevels = 8

export class ConcurrentUpdateError extends AppError<'tenant.concurrent_update'> {
  override readonly name = 'ConcurrentUpdateError'
}

export const tenantErrors = defineErrors(
  'tenant',
  {
    concurrent_update: {
      kind: 'conflict',
      message: 'Somebody changed this in the meantime. Read it again and repeat your change.',
    },
    slug_taken: { kind: 'conflict', message: 'Another tenant has this slug.' },
    external_id_taken: { kind: 'conflict', message: 'Another tenant has this externalId.' },
    hierarchy_cycle: { kind: 'conflict', message: 'A tenant cannot stand below itself.' },
    hierarchy_too_deep: {
      kind: 'unprocessable',
      message: `Tenants stand at most ${maximumLevels} levels deep.`,
    },
    unknown_plan: { kind: 'unprocessable', message: 'The plan catalogue has no such plan.' },
  },
  { concurrent_update: ConcurrentUpdateError },
)

const holdsCredentials = (value: string) => {
  const url = URL.parse(value)
  return url !== null && (url.username !== '' || url.password !== '')
}

const status = z.enum(['provisioning', 'active', 'suspended', 'deleting', 'purged'])
const userRole = z.enum(['owner', 'admin', 'member', 'viewer']).nullable()
const looksLikeId = (value: string) => z.guid().safeParse(value).success

/** What may be said of a tenant by whoever creates or changes it. */
export const tenantInput = {
  name: text(3, 100),
  contactEmail: z.email().max(320),
  organizationType: text(1, 100),
  websiteUrl: z
    .url({ protocol: /^https$/, hostname: z.regexes.domain, error: 'Expected an https URL with a domain name.' })
    .max(2048)
    .refine((value) => textProblem(value, 'single') === null, 'Expected a plain URL.')
    .refine((value) => !holdsCredentials(value), 'Expected a URL without credentials.'),
  timezone: timezone(),
  externalId: z
    .string()
    .regex(/^[\x21-\x7e]{1,128}$/, 'Expected 1 to 128 visible ASCII characters.')
    .refine((value) => !looksLikeId(value), 'Expected something that is no UUID: those are our ids.')
    .refine((value) => !isReservedName(value), 'Expected another name: this one is reserved.'),
  tags: z.array(text(1, 50)).max(20),
  plan: z.string().min(1).max(64),
}

/** A name in hosts and paths. */
export const tenantSlug = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/,
    'Expected 3 to 63 letters a-z, digits and hyphens, and no hyphen at either end.',
  )
  .refine((value) => !looksLikeId(value), 'Expected something that is no UUID: those are our ids.')
  .refine((value) => !isReservedName(value), 'Expected another slug: this one is reserved.')

const tenantFields = {
  id: id('tenant'),
  name: z.string(),
  slug: z.string(),
  status,
  createdAt: timestamp(),
}

/** Whether it acts, which those above it decide too. */
export const effectiveState = {
  effectiveStatus: status.describe(
    'What counts: its own status, or where that is active, of the tenant above that stops it',
  ),
  inactiveAncestorId: id('tenant').nullable().describe('The highest tenant above it that is not active'),
}

export const getTenantInfo = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'tenant:read',
  allowInactive: true,
  cached: { name: 'info', ttlSeconds: 300 },
  rest: {
    method: 'GET',
    path: '/tenants/current',
    summary: 'Show the current tenant',
    description:
      'The tenant found by header, subdomain, API key, token claim or only membership, with your role in it.',
    tags: ['Tenants'],
  },
  input: z.object({}),
  output: z.object({
    ...tenantFields,
    ...effectiveState,
    subscriptionTier: z.string().describe('Name of the plan'),
    userRole: userRole.describe('Null for callers that are no members'),
    memberCount: integer(0).describe('Direct members'),
    features: z.array(z.string()),
  }),
})

export const getTenant = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'tenant:read',
  allowInactive: true,
  rest: { method: 'GET', path: '/tenants/{tenantId}', summary: 'Show a tenant', tags: ['Tenants'], versioned: true },
  input: z.object({ tenantId: tenantRef() }),
  output: z.object({
    ...tenantFields,
    ...effectiveState,
    externalId: z.string().nullable(),
    contactEmail: z.string(),
    organizationType: z.string().nullable(),
    websiteUrl: z.string().nullable(),
    timezone: z.string(),
    tags: z.array(z.string()),
    plan: z.string(),
    statusReason: z.string().nullable(),
    statusUntil: timestamp().nullable(),
    deleteAfter: timestamp().nullable().describe('From then on it cannot be restored any more'),
    parentId: id('tenant').nullable(),
    memberCount: integer(0),
    childCount: integer(0),
    version: integer(1),
    updatedAt: timestamp(),
  }),
})

export const updateTenant = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'tenant:manage',
  allowInactive: 'operators',
  audit: 'tenant.updated',
  rest: {
    method: 'PATCH',
    path: '/tenants/{tenantId}',
    summary: 'Change a tenant',
    description: 'Only the fields you send change. `plan` is for platform admins; others change their subscription.',
    tags: ['Tenants'],
    versioned: true,
    aliases: [{ method: 'PUT', path: '/tenants/{tenantId}' }],
  },
  input: z.object({
    tenantId: tenantRef(),
    name: tenantInput.name.optional(),
    contactEmail: tenantInput.contactEmail.optional(),
    organizationType: tenantInput.organizationType.nullable().optional(),
    websiteUrl: tenantInput.websiteUrl.nullable().optional(),
    timezone: tenantInput.timezone.optional(),
    externalId: tenantInput.externalId.nullable().optional(),
    tags: tenantInput.tags.optional(),
    plan: tenantInput.plan.optional(),
    expectedVersion: expectedVersion().optional(),
  }),
  output: getTenant.output,
  errors: [tenantErrors.concurrent_update, tenantErrors.external_id_taken, tenantErrors.unknown_plan],
})

export const listTenants = defineOperation({
  unitOfWork: 'user',
  type: 'query',
  permission: null,
  operatorSpansTenants: true,
  rest: {
    method: 'GET',
    path: '/tenants',
    summary: 'List tenants',
    description:
      'The newest first: the tenants you reach, with your role there; for platform admins all of them, without one.',
    tags: ['Tenants'],
  },
  input: z.object({
    ...idPageInput,
    status: status.exclude(['purged']).optional(),
    plan: text(1, 64).optional(),
    parentId: id('tenant').optional().describe('Direct children of this tenant'),
    tag: text(1, 50).optional(),
    q: text(1, 100).optional().describe('What name, slug, contactEmail or externalId begins with, in any letter case'),
  }),
  output: page(
    z.object({
      ...tenantFields,
      plan: z.string(),
      externalId: z.string().nullable(),
      contactEmail: z.string(),
      tags: z.array(z.string()),
      parentId: id('tenant').nullable(),
      role: userRole,
      inheritedFrom: id('tenant').nullable().describe('The tenant above whose membership gives the role'),
    }),
  ),
})
