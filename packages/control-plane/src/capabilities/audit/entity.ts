import { defineEntity, type InferEntity, p } from '@mikro-orm/core'
import { newId } from '@tenantry/kernel/tenancy/id'
import { platformScoped } from '@tenantry/kernel/tenancy/platform-table'
import { tenantColumns, tenantScoped } from '@tenantry/kernel/tenancy/tenant-table'

const entryColumns = {
  at: p.datetime(),
  action: p.string().length(100),
  outcome: p.enum(['success', 'denied']),
  actorType: p.string().length(20),
  actorId: p.string().length(200).nullable(),
  actorEmail: p.string().length(320).nullable(),
  targetType: p.string().length(50).nullable(),
  targetId: p.string().length(200).nullable(),
  changes: p.json<Record<string, { before: unknown; after: unknown }>>().nullable(),
  details: p.json<Record<string, unknown>>().nullable(),
  clientAddress: p.string().length(64).nullable(),
  userAgent: p.string().length(500).nullable(),
  requestId: p.string().length(100),
}

/**
 * The tenant's own log. No serving role may change or remove an entry; who a person was is taken out of it, once, by
 * `lifecycle.erase_person`.
 */
export const AuditEntry = defineEntity({
  name: 'AuditEntry',
  tableName: 'audit_entries',
  ...tenantScoped,
  indexes: [
    { properties: ['tenantId', 'at', 'id'] },
    { properties: ['actorId', 'tenantId', 'id'] },
    { properties: ['targetId', 'tenantId', 'id'], where: "target_type = 'user'" },
  ],
  properties: { ...tenantColumns, ...entryColumns },
})
export type AuditEntry = InferEntity<typeof AuditEntry>

/** The installation's log: what operators did, and attempts that belong to no tenant. */
export const PlatformAuditEntry = defineEntity({
  name: 'PlatformAuditEntry',
  tableName: 'platform_audit_entries',
  ...platformScoped,
  policies: [
    {
      name: 'platform_log',
      roles: ['tenantry_platform'],
      using: '(select tenancy.current_operator()) is not null',
      check: '(select tenancy.current_operator()) is not null',
    },
    {
      name: 'platform_tenant_log',
      command: 'insert',
      roles: ['tenantry_platform'],
      check: 'concerns_tenant_id = (select tenancy.current_tenant())',
    },
    {
      name: 'erasure',
      roles: ['tenantry_directory'],
      using: '(select tenancy.current_operator()) is not null',
      check: '(select tenancy.current_operator()) is not null',
    },
  ],
  indexes: [
    { properties: ['at', 'id'] },
    { properties: ['actorId', 'id'] },
    { properties: ['targetId', 'id'], where: "target_type = 'user'" },
  ],
  properties: {
    id: p
      .uuid()
      .primary()
      .onCreate(() => newId()),
    concernsTenantId: p.uuid().nullable(),
    ...entryColumns,
  },
})
export type PlatformAuditEntry = InferEntity<typeof PlatformAuditEntry>
