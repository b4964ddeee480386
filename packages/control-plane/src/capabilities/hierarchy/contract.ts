import { authErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { idPageInput, page } from '@tenantry/kernel/contract/page'
import { id, integer, tenantRef, text, timestamp } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'
import { maximumLevels, tenantErrors } from '../tenant/contract.ts'

const tenantBelow = {
  id: id('tenant'),
  parentId: id('tenant').nullable(),
  slug: z.string(),
  name: z.string(),
  status: z.string(),
  plan: z.string(),
  createdAt: timestamp(),
}

export const listChildren = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'tenant:read',
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/children',
    summary: "List a tenant's children",
    description:
      'Those directly below it, the newest first, as far as you reach them: by an inheritable role here or above, or by a membership of your own there.',
    tags: ['Hierarchy'],
  },
  input: z.object({ tenantId: tenantRef(), ...idPageInput }),
  output: page(z.object({ ...tenantBelow, hasChildren: z.boolean() })),
})

export const getTree = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'tenant:read',
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/tree',
    summary: 'Show a tenant and all below it',
    description: 'Level by level, each by name, as far as you reach them; at most 1000 tenants.',
    tags: ['Hierarchy'],
  },
  input: z.object({
    tenantId: tenantRef(),
    depth: integer(1, maximumLevels).default(maximumLevels).describe('Levels below the tenant'),
  }),
  output: z.object({
    items: z.array(z.object({ ...tenantBelow, depth: integer(0).describe('0 is the tenant itself') })),
    truncated: z.boolean().describe('There are more: list the children of those that are shown'),
  }),
})

export const moveTenant = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'platform',
  allowInactive: 'operators',
  audit: 'tenant.moved',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/move',
    summary: 'Move a tenant below another',
    description:
      'With all below it. Who has an inheritable role above its new place gains access within a second, who had one above the old place loses it.',
    tags: ['Hierarchy'],
  },
  input: z.object({
    tenantId: tenantRef(),
    parentId: id('tenant').nullable().describe('null: below none'),
    reason: text(1, 500),
  }),
  output: z.object({
    id: id('tenant'),
    parentId: id('tenant').nullable(),
    version: integer(1),
    movedCount: integer(0).describe('Tenants that have another place now, this one included'),
  }),
  errors: [tenantErrors.hierarchy_cycle, tenantErrors.hierarchy_too_deep],
})

const day = z.iso.date()

export const getSubtreeUsage = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'usage:read',
  allowOverLimit: true,
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/usage/subtree',
    summary: 'Sum up the usage of a tenant and all below it',
    description:
      'Counters over the given days, each tenant by its own calendar; gauges as they stand; people once, however many of the tenants they belong to. Needs a role that is inherited by those below.',
    tags: ['Hierarchy'],
  },
  input: z.object({
    tenantId: tenantRef(),
    from: day.optional().describe('First day; that of the current month if absent'),
    to: day.optional().describe('Last day; that of the current month if absent'),
  }),
  output: z.object({
    from: day,
    to: day,
    tenantCount: integer(1),
    memberCount: integer(0).describe('People, each once'),
    meters: z.array(
      z.object({
        meter: z.string(),
        kind: z.enum(['counter', 'gauge', 'concurrency']),
        unit: z.string(),
        used: integer(0),
      }),
    ),
  }),
  errors: [authErrors.permission_denied],
})
