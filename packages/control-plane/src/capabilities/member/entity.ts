import { defineEntity, type InferEntity, p } from '@mikro-orm/core'
import { newId } from '@tenantry/kernel/tenancy/id'
import { platformScoped } from '@tenantry/kernel/tenancy/platform-table'
import {
  meteringRead,
  subtreeRead,
  tenantColumns,
  tenantId,
  tenantPolicies,
  tenantScoped,
} from '@tenantry/kernel/tenancy/tenant-table'

export const userStates = ['active', 'deactivated', 'erased'] as const

const operator = '(select tenancy.current_operator()) is not null'

const ownIdentity =
  "encode(sha256(convert_to(issuer || '|' || subject, 'UTF8')), 'hex') = split_part((select tenancy.current_identity()), ':', 1)"

/** Compared with the beginning of a search text, in small letters; a column, since `lower` is not leakproof. */
const searchable = (column: string) =>
  p.text().columnType('text').collation('C').generated(`(lower(${column}::text)) stored`).nullable().lazy().index()

/** A person, known by what one issuer calls them. Reached only by the directory's functions under a signed context. */
export const User = defineEntity({
  name: 'User',
  tableName: 'users',
  ...platformScoped,
  policies: [
    {
      name: 'tenant_people',
      command: 'select',
      roles: ['tenantry_directory'],
      using: '(select tenancy.current_tenant()) is not null',
    },
    { name: 'directory_identity', roles: ['tenantry_directory'], using: ownIdentity, check: ownIdentity },
    {
      name: 'own_person',
      command: 'select',
      roles: ['tenantry_directory'],
      using: 'id = (select tenancy.current_user_id())',
    },
    { name: 'erasure', roles: ['tenantry_directory'], using: operator, check: operator },
    { name: 'erased_person', command: 'select', roles: ['tenantry_lifecycle'], using: operator },
    {
      name: 'platform_users',
      roles: ['tenantry_platform'],
      using: operator,
      check: operator,
    },
  ],
  uniques: [{ properties: ['issuer', 'subject'] }],
  // With the id, in whose order lists are paged.
  indexes: [{ properties: ['email'] }, { properties: ['state', 'id'] }, { properties: ['stateChangedAt'] }],
  properties: {
    id: p
      .uuid()
      .primary()
      .onCreate(() => newId()),
    issuer: p.string().length(500),
    subject: p.string().length(255),
    email: p.string().length(320),
    /** In small letters; until an erasure, which goes by them too. */
    formerEmails: p.array().columnType('text[]').default([]),
    name: p.string().length(200).nullable(),
    createdAt: p.datetime(),
    /** To some minutes. */
    lastSeenAt: p.datetime().nullable(),
    /** Of who was erased nothing is left but the id, which logs name. */
    state: p.enum([...userStates]).default('active'),
    stateReason: p.string().length(500).nullable(),
    stateChangedAt: p.datetime().nullable(),
    emailKey: searchable('email'),
    nameKey: searchable('name'),
  },
})
export type User = InferEntity<typeof User>

export const baseRoles = ['owner', 'admin', 'member', 'viewer'] as const

export const Membership = defineEntity({
  name: 'Membership',
  tableName: 'memberships',
  ...tenantScoped,
  policies: [
    ...tenantPolicies(),
    {
      name: 'own_membership',
      command: 'select',
      roles: ['tenantry_directory'],
      using: 'user_id = (select tenancy.current_user_id())',
    },
    {
      name: 'tenant_members',
      command: 'select',
      roles: ['tenantry_directory'],
      using: `tenant_id = any ((select own.path || own.id from tenantry.tenants own
        where own.id = (select tenancy.current_tenant()))::uuid[])`,
    },
    {
      name: 'acquaintances',
      command: 'select',
      roles: ['tenantry_directory'],
      using: '(select tenancy.current_tenant()) is not null and (select tenancy.current_user_id()) is not null',
    },
    {
      name: 'removal',
      command: 'delete',
      roles: ['tenantry_directory'],
      using: 'tenant_id = (select tenancy.current_tenant())',
    },
    meteringRead,
    subtreeRead,
  ],
  uniques: [{ properties: ['tenantId', 'userId'] }],
  // In the order of user ids, by which lists are paged.
  indexes: [{ properties: ['tenantId', 'role', 'userId'] }, { properties: ['tenantId', 'inheritable', 'userId'] }],
  properties: {
    ...tenantColumns,
    userId: p.uuid().index(),
    role: p.enum([...baseRoles]),
    /** Gives the role on descendants of the tenant too. */
    inheritable: p.boolean().default(false),
    joinedAt: p.datetime(),
  },
})
export type Membership = InferEntity<typeof Membership>

/** Who becomes an owner of the tenant on the first sight of that verified address. */
export const PendingOwner = defineEntity({
  name: 'PendingOwner',
  tableName: 'pending_owners',
  ...tenantScoped,
  policies: [
    ...tenantPolicies(),
    {
      name: 'claim',
      command: 'select',
      roles: ['tenantry_directory'],
      using: '(select tenancy.current_identity()) is not null',
    },
  ],
  indexes: [{ properties: ['email'] }],
  properties: {
    tenantId: tenantId(),
    /** In small letters. */
    email: p.string().length(320).primary(),
    createdAt: p.datetime(),
  },
})
export type PendingOwner = InferEntity<typeof PendingOwner>
