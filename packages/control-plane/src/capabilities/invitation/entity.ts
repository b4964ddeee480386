import { defineEntity, type InferEntity, p } from '@mikro-orm/core'
import { tenantColumns, tenantPolicies, tenantScoped } from '@tenantry/kernel/tenancy/tenant-table'

/**
 * Digests of tokens are written and never read: the serving roles may not, and the directory compares them where they
 * are. The job role sees what ran out long ago.
 */
export const Invitation = defineEntity({
  name: 'Invitation',
  tableName: 'invitations',
  ...tenantScoped,
  policies: [
    ...tenantPolicies(),
    {
      name: 'signed_token',
      command: 'select',
      roles: ['tenantry_directory'],
      using: `'invitation:' || token_digest = (select tenancy.current_identity())`,
    },
    { name: 'expired', roles: ['tenantry_jobs'], using: `expires_at < (now() - '90 days'::interval)` },
  ],
  uniques: [{ name: 'invitations_pending_unique', properties: ['tenantId', 'email'], where: "state = 'pending'" }],
  checks: [{ name: 'invitations_email_lower_check', expression: 'email::text = lower(email::text)' }],
  indexes: [
    { properties: ['tokenDigest'] },
    { properties: ['expiresAt'] },
    { properties: ['email'] },
    { properties: ['acceptedBy'] },
    { properties: ['invitedById'] },
  ],
  properties: {
    ...tenantColumns,
    /** In small letters. */
    email: p.string().length(320),
    role: p.enum(['owner', 'admin', 'member', 'viewer']),
    /** Custom roles besides. */
    roleIds: p.array().columnType('uuid[]').default([]),
    /** What ran out is `pending` until another invitation takes its place. */
    state: p.enum(['pending', 'accepted', 'revoked', 'expired']).default('pending'),
    /** SHA-256 of the token, hexadecimal; kept, so that a link that was used says so. */
    tokenDigest: p.string().length(64).lazy(),
    /** How many mails were written, each with a token of its own. */
    sends: p.integer().default(1),
    invitedByType: p.string().length(20),
    invitedById: p.string().length(200),
    /** As it was shown when the mail was written. */
    invitedByName: p.string().length(320),
    createdAt: p.datetime(),
    sentAt: p.datetime(),
    expiresAt: p.datetime(),
    acceptedAt: p.datetime().nullable(),
    acceptedBy: p.uuid().nullable(),
    revokedAt: p.datetime().nullable(),
  },
})
export type Invitation = InferEntity<typeof Invitation>
