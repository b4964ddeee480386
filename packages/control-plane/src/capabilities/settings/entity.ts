import { defineEntity, type InferEntity, p } from '@mikro-orm/core'
import { tenantId, tenantPolicies, tenantScoped } from '@tenantry/kernel/tenancy/tenant-table'

/** The stored, sparse document: only what differs from the defaults. */
export const TenantSettings = defineEntity({
  name: 'TenantSettings',
  tableName: 'tenant_settings',
  ...tenantScoped,
  properties: {
    tenantId: tenantId(),
    document: p.json<Record<string, unknown>>(),
    version: p.integer().version(),
    updatedAt: p.datetime(),
  },
})
export type TenantSettings = InferEntity<typeof TenantSettings>

/** One saved version; never changed. */
export const SettingsRevision = defineEntity({
  name: 'SettingsRevision',
  tableName: 'settings_revisions',
  ...tenantScoped,
  properties: {
    tenantId: tenantId(),
    version: p.integer().primary(),
    document: p.json<Record<string, unknown>>(),
    changedKeys: p.array(),
    actorType: p.string().length(20),
    actorId: p.string().length(200).nullable(),
    createdAt: p.datetime(),
  },
})
export type SettingsRevision = InferEntity<typeof SettingsRevision>

const ofAncestors =
  'tenant_id = any ((select own.path from tenantry.tenants own where own.id = (select tenancy.current_tenant()))::uuid[])'

/** What a tenant sets for those below it; each of them reads it by a function under its own signed context. */
export const SettingsInheritance = defineEntity({
  name: 'SettingsInheritance',
  tableName: 'settings_inheritance',
  ...tenantScoped,
  policies: [
    ...tenantPolicies(),
    { name: 'hierarchy_read', command: 'select', roles: ['tenantry_hierarchy'], using: ofAncestors },
  ],
  properties: {
    tenantId: tenantId(),
    /** Sparse, as the stored settings are. */
    defaults: p.json<Record<string, unknown>>(),
    /** Paths of keys. */
    locks: p.array(),
    version: p.integer().version(),
    updatedAt: p.datetime(),
  },
})
export type SettingsInheritance = InferEntity<typeof SettingsInheritance>
