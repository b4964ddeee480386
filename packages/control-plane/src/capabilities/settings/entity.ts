import { defineEntity, type InferEntity, p } from '@mikro-orm/core'
import { tenantId, tenantScoped } from '@tenantry/kernel/tenancy/tenant-table'

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
