import { defineErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { idPageInput, page, pageInput } from '@tenantry/kernel/contract/page'
import { id, integer, text, timestamp } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'

export const userErrors = defineErrors('user', {
  not_found: { kind: 'not_found', message: 'There is no user with this id.' },
  oneself: { kind: 'conflict', message: 'This is your own account. Ask another operator to do it.' },
  erased: { kind: 'conflict', message: 'This user was erased: nothing is left to change.' },
  last_owner: { kind: 'conflict', message: 'Tenants have no other owner than this user. Give them one first.' },
})

const tags: [string] = ['Users']
const input = { userId: id('user') }
const state = z.enum(['active', 'deactivated', 'erased'])
const reason = text(1, 500).describe("Kept, and shown to operators; it stands in the platform's log")

const user = z.object({
  id: id('user'),
  email: z.string(),
  name: z.string().nullable(),
  state,
  createdAt: timestamp(),
  lastSeenAt: timestamp().nullable().describe('When they last came with a token, to five minutes; null: never'),
})

const userWithState = user.extend({
  stateReason: z.string().nullable(),
  stateChangedAt: timestamp().nullable(),
})

export const listUsers = defineOperation({
  unitOfWork: 'platform',
  type: 'query',
  permission: null,
  rest: {
    method: 'GET',
    path: '/users',
    summary: 'List the users of the installation',
    description: 'The newest first, and those who were erased only where `state` asks for them.',
    tags,
  },
  input: z.object({
    ...idPageInput,
    q: text(1, 100).optional().describe('What the name or the e-mail address begins with, in any letter case'),
    state: state.optional(),
  }),
  output: page(user),
})

export const getUser = defineOperation({
  unitOfWork: 'platform',
  type: 'query',
  permission: null,
  rest: {
    method: 'GET',
    path: '/users/{userId}',
    summary: 'Show a user',
    description: 'Name and address are what the token last said. Memberships are direct ones, 200 at the most.',
    tags,
  },
  input: z.object(input),
  output: userWithState.extend({
    issuer: z.string(),
    subject: z.string().describe('What the issuer calls them'),
    membershipCount: integer(0),
    memberships: z.array(
      z.object({
        tenantId: id('tenant'),
        slug: z.string(),
        name: z.string(),
        status: z.string(),
        role: z.enum(['owner', 'admin', 'member', 'viewer']),
        inheritable: z.boolean().describe('Gives the role in the tenants below too'),
        joinedAt: timestamp(),
        roles: z.array(z.object({ id: id('role'), name: z.string() })).describe('Custom ones'),
      }),
    ),
  }),
  errors: [userErrors.not_found],
})

export const deactivateUser = defineOperation({
  unitOfWork: 'platform',
  type: 'mutation',
  permission: null,
  audit: 'user.deactivated',
  idempotency: 'none',
  rest: {
    method: 'POST',
    path: '/users/{userId}/deactivate',
    summary: 'Deactivate a user',
    description:
      'Within a second their tokens are refused everywhere, the API keys that they made, also as an operator, stop, and what they listen to ends. Memberships stay, and take their seats, but an owner who is deactivated counts as none: `soleOwnerOf` names the tenants that now need another one. Of a deactivated user this changes nothing.',
    tags,
  },
  input: z.object({ ...input, reason }),
  output: userWithState.extend({
    soleOwnerOf: z.array(z.string()).describe('Slugs of tenants that nobody else owns who can sign in'),
  }),
  errors: [userErrors.not_found, userErrors.oneself, userErrors.erased],
})

export const reactivateUser = defineOperation({
  unitOfWork: 'platform',
  type: 'mutation',
  permission: null,
  audit: 'user.reactivated',
  idempotency: 'none',
  rest: {
    method: 'POST',
    path: '/users/{userId}/reactivate',
    summary: 'Reactivate a user',
    description:
      'They may do what they might before, and so may their API keys. Of an active user this changes nothing.',
    tags,
  },
  input: z.object({ ...input, reason }),
  output: userWithState,
  errors: [userErrors.not_found, userErrors.oneself, userErrors.erased],
})

export const exportedKinds = [
  'profile',
  'membership',
  'role',
  'team',
  'invitation_received',
  'invitation_sent',
  'pending_ownership',
  'tenant_contact',
  'api_key',
  'limit_request',
  'mail',
  'audit_entry',
  'audit_entry_about',
  'platform_audit_entry',
  'platform_audit_entry_about',
] as const

export const exportUser = defineOperation({
  unitOfWork: 'platform',
  type: 'query',
  permission: null,
  rest: {
    method: 'GET',
    path: '/users/{userId}/export',
    summary: 'Export what is kept about a user',
    description:
      'In all tenants, page by page, kind after kind: the profile, memberships, roles, teams, invitations to and by them, API keys that they made (no secrets), limits that they asked for, mails to them, and audit entries of what they did and of what was done to them.',
    tags,
  },
  input: z.object({ ...input, ...pageInput }),
  output: page(
    z.object({
      kind: z.enum(exportedKinds),
      tenantId: id('tenant').nullable(),
      id: z.string(),
      at: timestamp().nullable(),
      data: z.record(z.string(), z.unknown()),
    }),
  ),
  errors: [userErrors.not_found],
})

export const eraseUser = defineOperation({
  unitOfWork: 'platform',
  type: 'mutation',
  permission: null,
  audit: 'user.erased',
  idempotency: 'none',
  rest: {
    method: 'POST',
    path: '/users/{userId}/erase',
    summary: 'Erase a user in all tenants',
    description:
      'Cannot be undone. Memberships end, API keys that they made are revoked, and their name and addresses, former ones too, are taken out of users, invitations, mails and audit logs; entries keep the id and a pseudonym made of it. Who signs in with the same account again is a new user. All of it happens, or none. Refused while a tenant would be left without an owner, also one that can still be restored. Called again it takes out what came meanwhile, under the id.',
    tags,
  },
  input: z.object({ ...input, reason: reason.optional() }),
  output: z.object({
    userId: id('user'),
    pseudonym: z.string(),
    erasedAt: timestamp(),
    tables: z.array(z.object({ table: z.string(), rows: integer(0).describe('Rewritten or removed') })),
    contactOf: z
      .array(z.string())
      .describe('Slugs of tenants whose contact address is that of the user: it is theirs to change'),
    operatorKeys: z
      .array(z.object({ tenant: z.string().describe('Its slug'), apiKeyId: id('API key'), name: z.string() }))
      .describe("API keys that they made as an operator: they stop, and are the tenants' to replace"),
    addressSharedWith: z
      .array(id('user'))
      .describe('Active users with one of the addresses: what is known by that alone was left to them'),
  }),
  errors: [userErrors.not_found, userErrors.oneself, userErrors.last_owner],
})
