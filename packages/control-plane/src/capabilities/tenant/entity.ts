import { defineEntity, type InferEntity, p } from '@mikro-orm/core'
import type { FormerTimezone } from '@tenantry/kernel/context/dependencies'
import { newId } from '@tenantry/kernel/tenancy/id'
import { platformScoped } from '@tenantry/kernel/tenancy/platform-table'
import { tenantFilter, tenantId, tenantPolicies, tenantScoped } from '@tenantry/kernel/tenancy/tenant-table'

export const tenantStates = ['provisioning', 'active', 'suspended', 'deleting', 'purged'] as const

const inSubtree = 'id = (select tenancy.current_tenant()) or path @> array[(select tenancy.current_tenant())]'

/**
 * What the search text is compared with: its beginning, in any letter case. Columns instead of indexes over expressions,
 * since `lower` is not leakproof and so reaches no index through a policy.
 */
const searchable = (column: string) =>
  p.text().columnType('text').collation('C').generated(`(lower(${column}::text)) stored`).nullable().lazy().index()

/** Who asked for a deletion, when, and what a restore goes back to. */
export interface Removal {
  /** The key of the actor, without names or addresses. */
  by: string
  /** ISO 8601. */
  at: string
  before: { status: (typeof tenantStates)[number]; reason: string | null; until: string | null }
}

/** The root of every tenant table: its own id is the tenant. */
export const Tenant = defineEntity({
  name: 'Tenant',
  tableName: 'tenants',
  ...platformScoped,
  policies: [
    ...tenantPolicies('id'),
    { name: 'directory_read', command: 'select', roles: ['tenantry_directory'], using: 'true' },
    { name: 'hierarchy_read', command: 'select', roles: ['tenantry_hierarchy'], using: 'true' },
    { name: 'metering_read', command: 'select', roles: ['tenantry_metering'], using: 'true' },
    { name: 'hierarchy_move', command: 'update', roles: ['tenantry_hierarchy'], using: inSubtree, check: inSubtree },
    {
      name: 'purge_below',
      command: 'select',
      roles: ['tenantry_lifecycle'],
      using: 'parent_id = (select tenancy.current_tenant())',
    },
    {
      name: 'platform_create',
      command: 'insert',
      roles: ['tenantry_platform'],
      check: '(select tenancy.current_operator()) is not null',
    },
  ],
  filters: tenantFilter('id'),
  // Partial: a key that foreign keys could use would make each change of it wait for every insert of the tenant.
  uniques: [{ name: 'tenants_external_id_unique', properties: ['externalId'], where: 'external_id is not null' }],
  indexes: [
    { name: 'tenants_path_index', properties: ['path'], type: 'gin' },
    // Each with the id, in whose order lists are paged.
    { properties: ['parent', 'id'] },
    { properties: ['status', 'id'] },
    { properties: ['plan', 'id'] },
  ],
  properties: {
    id: p
      .uuid()
      .primary()
      .onCreate(() => newId()),
    slug: p.string().length(63).unique(),
    externalId: p.string().length(128).nullable(),
    name: p.string().length(100),
    contactEmail: p.string().length(320),
    organizationType: p.string().length(100).nullable(),
    websiteUrl: p.string().length(2048).nullable(),
    timezone: p.string().length(64).default('UTC'),
    formerTimezones: p.json<FormerTimezone[]>().default([]),
    tags: p.array().default([]),
    plan: p.string().length(64).default('free'),
    status: p.enum([...tenantStates]).default('active'),
    statusReason: p.string().length(500).nullable(),
    /** When a suspension ends by itself. */
    statusUntil: p.datetime().nullable().index(),
    /** From when on a tenant that is being deleted can no longer be restored, and is purged. */
    deleteAfter: p.datetime().nullable().index(),
    removal: p.json<Removal>().nullable(),
    // The filter would join the parent, which is no row of this tenant, and show that there is none.
    parent: () => p.manyToOne(Tenant).filters({ tenant: false }).nullable(),
    /** Ids of the ancestors, the root first. */
    path: p.array().columnType('uuid[]').default([]),
    version: p.integer().version(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
    nameKey: searchable('name'),
    slugKey: searchable('slug'),
    contactEmailKey: searchable('contact_email'),
    externalIdKey: searchable('external_id'),
  },
})
export type Tenant = InferEntity<typeof Tenant>

/**
 * Slugs and externalIds are one namespace: each is a row here, put in by a trigger of `tenants`, so that no tenant takes
 * for the one what another has for the other.
 */
export const TenantReference = defineEntity({
  name: 'TenantReference',
  tableName: 'tenant_references',
  ...platformScoped,
  policies: [{ name: 'owner_only', roles: ['tenantry_owner'], using: 'true', check: 'true' }],
  properties: {
    reference: p.string().length(128).primary(),
    namedTenantId: p.uuid().index(),
  },
})

/** The plan that a tenant comes to have when its period ends; all that is made of a plan is made of it from that instant on. */
export const ScheduledPlanChange = defineEntity({
  name: 'ScheduledPlanChange',
  tableName: 'scheduled_plan_changes',
  ...tenantScoped,
  policies: [
    ...tenantPolicies(),
    { name: 'directory_read', command: 'select', roles: ['tenantry_directory'], using: 'true' },
    { name: 'metering_read', command: 'select', roles: ['tenantry_metering'], using: 'true' },
  ],
  indexes: [{ properties: ['effectiveAt'] }],
  properties: {
    tenantId: tenantId(),
    plan: p.string().length(64),
    effectiveAt: p.datetime(),
    createdAt: p.datetime(),
  },
})
export type ScheduledPlanChange = InferEntity<typeof ScheduledPlanChange>
