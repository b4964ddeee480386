import { defineEntity, type InferEntity, p } from '@mikro-orm/core'
import { tenantColumns, tenantPolicies, tenantScoped } from '@tenantry/kernel/tenancy/tenant-table'

const signedFor = (digest: string) => `'api-key:' || id || ':' || ${digest}`
const operator = '(select tenancy.current_operator()) is not null'

/** Digests are written and never read: the serving roles may not, and the directory compares them where they are. */
export const ApiKey = defineEntity({
  name: 'ApiKey',
  tableName: 'api_keys',
  ...tenantScoped,
  policies: [
    ...tenantPolicies(),
    {
      name: 'signed_key',
      command: 'select',
      roles: ['tenantry_directory'],
      using: `revoked_at is null and (select tenancy.current_identity()) = any (array[${signedFor('digest')}, ${signedFor('former_digest')}])`,
    },
    // Until then every process has seen that it was revoked.
    { name: 'revoked', roles: ['tenantry_jobs'], using: "revoked_at < (now() - '01:00:00'::interval)" },
    { name: 'last_use', roles: ['tenantry_directory'], using: operator, check: operator },
  ],
  indexes: [{ properties: ['id'] }, { properties: ['createdById'] }],
  checks: [{ name: 'api_keys_former_check', expression: 'former_digest is null or former_ends_at is not null' }],
  properties: {
    ...tenantColumns,
    name: p.string().length(100),
    scopes: p.array(),
    /** HMAC-SHA-256 of the secret, hexadecimal; null once the key is revoked. */
    digest: p.string().length(64).nullable().lazy(),
    /** Of the secret before the last rotation, which works until `formerEndsAt`. */
    formerDigest: p.string().length(64).nullable().lazy(),
    formerEndsAt: p.datetime().nullable(),
    /** Addresses and CIDRs; none is any address. */
    ipAllowlist: p.array().default([]),
    expiresAt: p.datetime().nullable(),
    createdByType: p.string().length(20),
    createdById: p.string().length(200),
    createdAt: p.datetime(),
    rotatedAt: p.datetime().nullable(),
    /** To the minute. */
    lastUsedAt: p.datetime().nullable(),
    revokedAt: p.datetime().nullable(),
  },
})
export type ApiKey = InferEntity<typeof ApiKey>
