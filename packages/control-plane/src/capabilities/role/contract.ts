import { authErrors, defineErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { idPageInput, page } from '@tenantry/kernel/contract/page'
import { expectedVersion, id, integer, scope, tenantRef, text, timestamp } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'
import { limitErrors } from '../limit/contract.ts'

export const roleErrors = defineErrors('role', {
  not_found: { kind: 'not_found', message: 'There is no such role in this tenant.' },
  name_taken: { kind: 'conflict', message: 'Another role of this tenant has this name.' },
  concurrent_update: {
    kind: 'conflict',
    message: 'Somebody changed this role in the meantime. Read it again and repeat your change.',
  },
  assigned: {
    kind: 'conflict',
    message: 'Members hold this role. Say with reassignTo which role they get instead; `none` takes it from them.',
  },
  no_member: { kind: 'not_found', message: 'There is no such member of this tenant itself.' },
})

const tags: [string] = ['Roles']
const tenantId = tenantRef()
const roleId = id('role')
const userId = id('user')
const baseRole = z.enum(['admin', 'member', 'viewer'])
const scopes = z.array(scope()).max(100)

const role = z.object({
  id: roleId,
  name: z.string(),
  description: z.string().nullable(),
  baseRole: baseRole.nullable().describe('Whose scopes it holds too'),
  scopes: z.array(z.string()).describe('Its own, besides those of its base role'),
  inheritable: z.boolean().describe('Whether its holders hold it in the tenants below too'),
  version: integer(1),
  createdAt: timestamp(),
  updatedAt: timestamp(),
})

/** Who reads of an owner must not have to ask which one is meant. */
const name = text(1, 100).refine(
  (chosen) => !['owner', 'admin', 'member', 'viewer'].includes(chosen.trim().toLowerCase()),
  'Base roles are called so: owner, admin, member and viewer.',
)

const fields = {
  name,
  description: text(1, 500).nullable(),
  baseRole: baseRole.nullable(),
  scopes,
  inheritable: z.boolean(),
}

export const listRoles = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'roles:read',
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/roles',
    summary: 'List the custom roles of a tenant',
    description: 'The newest first. What the base roles hold, `roles/scopes` tells.',
    tags,
  },
  input: z.object({ tenantId, ...idPageInput }),
  output: page(role.extend({ memberCount: integer(0).describe('Members who hold it') })),
})

export const listScopes = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'roles:read',
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/roles/scopes',
    summary: 'List every scope',
    description: 'What each lets its holder do, which base roles hold it, and the feature that a plan needs for it.',
    tags,
  },
  input: z.object({ tenantId }),
  output: z.object({
    items: z.array(
      z.object({
        scope: z.string(),
        description: z.string(),
        feature: z.string().nullable().describe('It counts only in plans that have this feature'),
        available: z.boolean().describe('Whether it counts in the plan of this tenant'),
        baseRoles: z.array(z.enum(['owner', 'admin', 'member', 'viewer'])).describe('Those that hold it'),
      }),
    ),
  }),
})

export const createRole = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'roles:manage',
  audit: 'role.created',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/roles',
    summary: 'Create a custom role',
    description:
      'Of scopes that you hold yourself, and in the tenants below too where it is `inheritable`. The plan says how many there may be.',
    tags,
    successStatus: 201,
  },
  input: z.object({
    tenantId,
    name: fields.name,
    description: fields.description.default(null),
    baseRole: fields.baseRole.default(null),
    scopes: fields.scopes.default([]),
    inheritable: fields.inheritable.default(false),
  }),
  output: role,
  errors: [roleErrors.name_taken, limitErrors.limit_exceeded],
})

export const updateRole = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'roles:manage',
  audit: 'role.updated',
  rest: {
    method: 'PUT',
    path: '/tenants/{tenantId}/roles/{roleId}',
    summary: 'Change a custom role',
    description:
      'What is absent stays as it is. Whoever holds the role may do what it holds now within a second, everywhere.',
    tags,
    versioned: true,
    aliases: [{ method: 'PATCH', path: '/tenants/{tenantId}/roles/{roleId}' }],
  },
  input: z.object({
    tenantId,
    roleId,
    ...z.object(fields).partial().shape,
    expectedVersion: expectedVersion().optional(),
  }),
  output: role,
  errors: [roleErrors.not_found, roleErrors.name_taken, roleErrors.concurrent_update],
})

export const removeRole = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'roles:manage',
  audit: 'role.deleted',
  rest: {
    method: 'DELETE',
    path: '/tenants/{tenantId}/roles/{roleId}',
    summary: 'Delete a custom role',
    description: 'One that members hold is deleted only where `reassignTo` says what they get instead, or `none`.',
    tags,
  },
  input: z.object({
    tenantId,
    roleId,
    reassignTo: z
      .union([roleId, z.literal('none')])
      .optional()
      .describe('Id of the role its holders get instead; `none` takes it from them'),
  }),
  output: z.object({
    id: roleId,
    reassignedCount: integer(0).describe('Members who got another role instead; 0 where they got none'),
    holderCount: integer(0).describe('Members who held it'),
  }),
  errors: [roleErrors.not_found, roleErrors.assigned],
})

export const listUserRoles = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'roles:read',
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/users/{userId}/roles',
    summary: 'List the custom roles of a member',
    description: 'Those that are given in this tenant; not what a tenant above lets them inherit.',
    tags,
  },
  input: z.object({ tenantId, userId, ...idPageInput }),
  output: page(role),
  errors: [roleErrors.no_member],
})

const userRole = z.object({ userId, roleId, name: z.string().describe('Of the role') })

export const addUserRole = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'roles:manage',
  audit: 'role.assigned',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/users/{userId}/roles',
    summary: 'Give a member a custom role',
    description: 'One that holds nothing you do not hold yourself, to somebody who holds less than you.',
    tags,
    successStatus: 201,
  },
  input: z.object({ tenantId, userId, roleId }),
  output: userRole,
  errors: [roleErrors.not_found, roleErrors.no_member, authErrors.permission_denied],
})

export const removeUserRole = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'roles:manage',
  audit: 'role.unassigned',
  rest: {
    method: 'DELETE',
    path: '/tenants/{tenantId}/users/{userId}/roles/{roleId}',
    summary: 'Take a custom role from a member',
    tags,
  },
  input: z.object({ tenantId, userId, roleId }),
  output: userRole,
  errors: [roleErrors.not_found, roleErrors.no_member, authErrors.permission_denied],
})
