import { authErrors, defineErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { idPageInput, page } from '@tenantry/kernel/contract/page'
import { id, integer, tenantRef, text, timestamp } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'
import { limitErrors } from '../limit/contract.ts'

export const memberErrors = defineErrors('member', {
  not_found: { kind: 'not_found', message: 'There is no such member in this tenant.' },
  already_member: { kind: 'conflict', message: 'This user is a member of the tenant already. Change their role.' },
  inherited: { kind: 'conflict', message: 'This membership comes from a tenant above. Change it there.' },
  deactivated: {
    kind: 'conflict',
    message: 'This account was deactivated. Whoever operates the service must reactivate it first.',
  },
  last_owner: {
    kind: 'conflict',
    message:
      'A tenant keeps at least one owner who can sign in. Transfer the ownership, or make somebody else an owner, first.',
  },
  unknown_user: {
    kind: 'not_found',
    message: 'You know no user by this id or address. Invite them by e-mail: they need not have signed in before.',
  },
})

const tags: [string] = ['Members']
const baseRole = z.enum(['owner', 'admin', 'member', 'viewer'])
const inTenant = { tenantId: tenantRef() }
const ofMember = { ...inTenant, userId: id('user') }

const member = z.object({
  userId: id('user'),
  email: z.string(),
  name: z.string().nullable(),
  role: baseRole.describe('The stronger of a membership here and of one that is inherited'),
  permissions: z.array(z.string()).describe('Scopes beyond those of the role, by custom roles'),
  joinedAt: timestamp(),
  state: z.enum(['active', 'deactivated']).describe('Who is deactivated cannot sign in, and is no owner that counts'),
  inheritedFrom: id('tenant').nullable().describe('The tenant above that gives the role; null: this one'),
})

/** What every change of members is bounded by. */
const bounds = [limitErrors.limit_exceeded, authErrors.permission_denied]

export const listMembers = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'members:read',
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/users',
    summary: 'List the members of a tenant',
    description:
      'Those of the tenant and those that an inheritable role on an ancestor makes members of it (`inheritedFrom`), each once, by the id of the user, the newest first.',
    tags,
  },
  input: z.object({
    ...inTenant,
    ...idPageInput,
    role: baseRole.optional(),
    q: text(1, 100).optional().describe('What the name or the e-mail address begins with, in any letter case'),
  }),
  output: page(member),
})

export const getMember = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'members:read',
  rest: { method: 'GET', path: '/tenants/{tenantId}/users/{userId}', summary: 'Show a member', tags },
  input: z.object(ofMember),
  output: member,
  errors: [memberErrors.not_found],
})

export const addMember = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'members:manage',
  audit: 'member.added',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/users',
    summary: 'Make an existing user a member',
    description:
      'Named by `userId` or by `email`, of somebody with whom you share a tenant; of whom else there may be you are not told: invite them. Operators know everybody. The role must hold nothing that you do not.',
    tags,
    successStatus: 201,
    aliases: [{ method: 'POST', path: '/tenants/{tenantId}/users/{userId}' }],
  },
  input: z
    .object({
      ...inTenant,
      userId: id('user').optional(),
      email: z.email().max(320).optional().describe('In place of `userId`'),
      role: baseRole,
    })
    .refine(({ userId, email }) => (userId === undefined) !== (email === undefined), {
      path: ['userId'],
      message: 'Expected either userId or email.',
      // Said beside whatever else is wrong.
      when: ({ value }) => typeof value === 'object' && value !== null,
    }),
  output: member,
  errors: [memberErrors.unknown_user, memberErrors.already_member, memberErrors.deactivated, ...bounds],
})

export const updateMember = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'members:manage',
  audit: 'member.role_changed',
  rest: {
    method: 'PUT',
    path: '/tenants/{tenantId}/users/{userId}',
    summary: "Change a member's role",
    description: 'Only owners change somebody who holds as much as they do.',
    tags,
    aliases: [{ method: 'PATCH', path: '/tenants/{tenantId}/users/{userId}' }],
  },
  input: z.object({ ...ofMember, role: baseRole }),
  output: member,
  errors: [memberErrors.not_found, memberErrors.inherited, memberErrors.last_owner, ...bounds],
})

const removal = z.object({
  userId: id('user'),
  removedAt: timestamp(),
  revokedKeyCount: integer().describe('API keys that they had made'),
})

export const removeMember = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'members:manage',
  audit: 'member.removed',
  rest: {
    method: 'DELETE',
    path: '/tenants/{tenantId}/users/{userId}',
    summary: 'Remove a member',
    description:
      'They lose access within a second, everywhere. Their custom roles and places in teams end, and the API keys that they made in the tenant are revoked: none comes back with them.',
    tags,
  },
  input: z.object(ofMember),
  output: removal,
  errors: [memberErrors.not_found, memberErrors.inherited, memberErrors.last_owner, authErrors.permission_denied],
})

export const leaveTenant = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'any',
  audit: 'member.left',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/leave',
    summary: 'Leave a tenant',
    description:
      'Ends your own membership, and revokes the API keys that you made in the tenant. The last owner transfers the ownership first.',
    tags,
  },
  input: z.object(inTenant),
  output: removal,
  errors: [memberErrors.not_found, memberErrors.inherited, memberErrors.last_owner],
})

export const transferOwnership = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'tenant:own',
  audit: 'member.ownership_transferred',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/ownership',
    summary: 'Transfer the ownership of a tenant',
    description:
      'To a member of it. You become an admin, or what `keepRole` says; with `owner` you own it together. Called by who is no owner of the tenant itself, its only owner makes room; several stay.',
    tags,
  },
  input: z.object({ ...ofMember, keepRole: baseRole.default('admin') }),
  output: z.object({
    owner: member,
    formerOwner: member.nullable().describe('As they are now; null where nobody made room'),
  }),
  errors: [memberErrors.not_found, memberErrors.inherited, memberErrors.deactivated, ...bounds],
})

const differing = (userIds: readonly string[]) => new Set(userIds).size === userIds.length

export const transferMembers = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'members:manage',
  audit: 'member.transferred',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/users/transfer',
    summary: 'Move or copy members to another tenant',
    description:
      'You need members:manage in both. Each item is done whole or not at all, and its result says which; `dryRun` only tells. Both audit logs show it. Who is moved leaves custom roles, teams and their API keys, which are revoked.',
    tags,
  },
  input: z.object({
    ...inTenant,
    toTenantId: tenantRef(),
    mode: z.enum(['move', 'copy']),
    userIds: z.array(id('user')).min(1).max(200).refine(differing, 'Expected each user once.'),
    roleMap: z
      .partialRecord(baseRole, baseRole)
      .default({})
      .describe('Which role becomes which; a role that is not named stays as it is'),
    dryRun: z.boolean().default(false),
  }),
  output: z.object({
    dryRun: z.boolean(),
    results: z.array(
      z.object({
        userId: id('user'),
        outcome: z.enum(['moved', 'copied', 'refused']),
        role: baseRole.nullable().describe('In the other tenant; null where refused'),
        code: z.string().nullable().describe('Why it was refused: the code of an error'),
        message: z.string().nullable(),
      }),
    ),
  }),
})

export const getMe = defineOperation({
  unitOfWork: 'user',
  type: 'query',
  permission: null,
  rest: {
    method: 'GET',
    path: '/me',
    summary: 'Show who you are and which tenants you reach',
    description:
      'Memberships of your own first, then those that an inheritable role on an ancestor gives you (`inheritedFrom`), 200 of these at the most, with what they let you do. Where `hasMore`, `GET /tenants` lists the rest. Each scope stands once, with the first role that gives it; what the plan of the tenant does not let count is left out.',
    tags: ['Me'],
  },
  input: z.object({}),
  output: z.object({
    user: z.object({
      id: id('user'),
      email: z.string().nullable(),
      name: z.string().nullable(),
      platformAdmin: z.boolean(),
    }),
    memberships: z.array(
      z.object({
        tenantId: id('tenant'),
        slug: z.string(),
        name: z.string(),
        status: z.string().describe('Its own'),
        effectiveStatus: z
          .string()
          .describe('What counts: its own, or where that is active, of the tenant above that stops it'),
        inactiveAncestorId: id('tenant').nullable().describe('The highest tenant above it that is not active'),
        role: baseRole.nullable().describe('Null where only a custom role of a tenant above reaches it'),
        inheritedFrom: id('tenant').nullable(),
        roles: z.array(
          z.object({
            id: id('role').nullable().describe('Null for a base role'),
            name: z.string(),
            inheritedFrom: id('tenant').nullable(),
            scopes: z.array(z.string()),
          }),
        ),
      }),
    ),
    hasMore: z.boolean().describe('There are more inherited ones'),
  }),
})
