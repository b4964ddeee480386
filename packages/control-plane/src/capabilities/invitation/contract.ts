import { defineErrors, tenantSelectionErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { idPageInput, page } from '@tenantry/kernel/contract/page'
import { id, integer, tenantRef, timestamp } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'
import { limitErrors } from '../limit/contract.ts'
import { memberErrors } from '../member/contract.ts'

export const invitationErrors = defineErrors('invitation', {
  not_found: { kind: 'not_found', message: 'There is no such invitation.' },
  unknown_token: {
    kind: 'not_found',
    message: 'This invitation is not known. The link may be cut short, or a newer mail has replaced it.',
  },
  already_pending: { kind: 'conflict', message: 'This address has an invitation already. Send that one again.' },
  too_many_pending: {
    kind: 'conflict',
    message: 'Too many invitations of this tenant wait to be accepted. Revoke some, or wait until they are accepted.',
  },
  not_pending: { kind: 'conflict', message: 'This invitation was accepted or revoked.' },
  already_accepted: { kind: 'conflict', message: 'This invitation was accepted already.' },
  revoked: { kind: 'conflict', message: 'This invitation was revoked.' },
  expired: { kind: 'conflict', message: 'This invitation has expired. Ask for another one.' },
  email_mismatch: {
    kind: 'forbidden',
    message: 'This invitation is for another e-mail address than yours. Sign in with the one it was sent to.',
  },
  email_unverified: {
    kind: 'forbidden',
    message:
      'Your sign-in does not vouch for your e-mail address. Verify it with whoever signs you in, and open the link again.',
  },
  inviter_lost_rights: {
    kind: 'conflict',
    message: 'Whoever invited you may no longer give these roles. Ask for another invitation.',
  },
  already_member: { kind: 'conflict', message: 'Whom the invitation is for is a member of this tenant already.' },
})

const tags: [string] = ['Invitations']
const day = 86_400
const baseRole = z.enum(['owner', 'admin', 'member', 'viewer'])
const state = z.enum(['pending', 'accepted', 'revoked', 'expired'])

const token = z.string().min(1).max(200).describe('What stands after # in the link of the mail')

const invitation = z.object({
  id: id('invitation'),
  email: z.string(),
  role: baseRole,
  roleIds: z.array(id('custom role')),
  state,
  invitedBy: z.object({ type: z.enum(['user', 'apiKey', 'platformAdmin', 'service', 'system']), id: z.string() }),
  createdAt: timestamp(),
  sentAt: timestamp().describe('When its last mail was written'),
  expiresAt: timestamp(),
  acceptedAt: timestamp().nullable(),
  acceptedBy: id('user').nullable(),
  revokedAt: timestamp().nullable(),
})

const wanted = {
  email: z.email().max(320).describe('In any letter case'),
  role: baseRole,
  roleIds: z
    .array(id('custom role'))
    .max(50)
    .optional()
    .describe('Custom roles of this tenant besides, which needs roles:manage; one that is deleted before is not given'),
}

const expiresInSeconds = integer(3_600, 30 * day)
  .default(7 * day)
  .describe('An hour to 30 days; a week unless told')

const result = z.object({
  email: z.string(),
  outcome: z.enum(['invited', 'rejected']),
  invitation: invitation.nullable(),
  code: z.string().nullable().describe('Why it was rejected'),
  message: z.string().nullable(),
  issues: z
    .array(z.object({ path: z.string(), message: z.string() }))
    .describe('What is wrong with its fields, by their place in it, as `roleIds.0`'),
})

export const listInvitations = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'members:manage',
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/users/invitations',
    summary: 'List the invitations of a tenant',
    description: 'The newest first, whatever has become of them.',
    tags,
  },
  input: z.object({ tenantId: tenantRef(), state: state.optional(), ...idPageInput }),
  output: page(invitation),
})

export const createInvitation = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'members:manage',
  audit: 'invitation.created',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/users/invitations',
    summary: 'Invite people by e-mail',
    description:
      'One by `email` and `role`, answered with the invitation; or up to 200 by `invitations`, answered with `results`, one for each in their order, of which some may be rejected. Each gets a mail with a link that works once. Nobody invites to roles that hold more than they do, neither now nor when it is accepted. A pending invitation takes no seat; accepting it does. At most 500 are pending in a tenant, which sends at most 250 mails an hour, and 5 a day to one address: what is beyond is `rate_limit.exceeded`.',
    tags,
    successStatus: 201,
    aliases: [{ method: 'POST', path: '/tenants/{tenantId}/users/invite' }],
  },
  input: z.object({
    tenantId: tenantRef(),
    email: wanted.email.optional(),
    role: wanted.role.optional(),
    roleIds: wanted.roleIds,
    invitations: z.array(z.strictObject(wanted)).min(1).max(200).optional(),
    expiresInSeconds,
  }),
  output: z.union([invitation, z.object({ results: z.array(result) })]),
  errors: [
    invitationErrors.already_pending,
    invitationErrors.already_member,
    invitationErrors.too_many_pending,
    memberErrors.deactivated,
  ],
})

export const resendInvitation = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'members:manage',
  audit: 'invitation.resent',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/invitations/{invitationId}/resend',
    summary: 'Send an invitation again',
    description:
      'With a new link; the one before no longer works. It runs anew, also where it had expired, and is from then on an invitation of whoever sent it again. Between two times lies a minute.',
    tags,
    aliases: [{ method: 'POST', path: '/tenants/{tenantId}/users/invitations/{invitationId}/resend' }],
  },
  input: z.object({ tenantId: tenantRef(), invitationId: id('invitation'), expiresInSeconds }),
  output: invitation,
  errors: [invitationErrors.not_found, invitationErrors.not_pending],
})

export const revokeInvitation = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'members:manage',
  audit: 'invitation.revoked',
  rest: {
    method: 'DELETE',
    path: '/tenants/{tenantId}/invitations/{invitationId}',
    summary: 'Revoke an invitation',
    description: 'Its link stops working at once.',
    tags,
    aliases: [{ method: 'DELETE', path: '/tenants/{tenantId}/users/invitations/{invitationId}' }],
  },
  input: z.object({ tenantId: tenantRef(), invitationId: id('invitation') }),
  output: z.object({ id: id('invitation'), revokedAt: timestamp() }),
  errors: [invitationErrors.not_found, invitationErrors.not_pending],
})

const closed = [
  invitationErrors.unknown_token,
  invitationErrors.already_accepted,
  invitationErrors.revoked,
  invitationErrors.expired,
  tenantSelectionErrors.inactive,
]

export const previewInvitation = defineOperation({
  unitOfWork: 'none',
  // It changes nothing; as a query its token would stand in a URL.
  type: 'mutation',
  permission: null,
  rateLimit: 'invitation',
  audit: { none: 'it shows what the mail said already, and changes nothing' },
  idempotency: 'none',
  rest: {
    method: 'POST',
    path: '/invitations/preview',
    summary: 'Show whose invitation a link is',
    description: 'Without signing in. Says which tenant it is from and who sent it, and not to whom.',
    tags,
    successStatus: 200,
  },
  input: z.object({ token }),
  output: z.object({ tenantName: z.string(), inviterName: z.string() }),
  errors: closed,
})

export const acceptInvitation = defineOperation({
  unitOfWork: 'user',
  type: 'mutation',
  permission: null,
  rateLimit: 'invitation',
  audit: 'invitation.accepted',
  rest: {
    method: 'POST',
    path: '/invitations/accept',
    summary: 'Accept an invitation',
    description: 'For the user whose verified e-mail address it was sent to. It works once, and takes a seat.',
    tags,
  },
  input: z.object({ token }),
  output: z.object({
    tenantId: id('tenant'),
    slug: z.string(),
    tenantName: z.string(),
    role: baseRole,
    roleIds: z.array(id('custom role')).describe('Custom roles that you have got'),
    joinedAt: timestamp(),
  }),
  errors: [
    ...closed,
    invitationErrors.email_unverified,
    invitationErrors.email_mismatch,
    invitationErrors.inviter_lost_rights,
    invitationErrors.already_member,
    limitErrors.limit_exceeded,
  ],
})
