import { defineEntity, type InferEntity, p } from '@mikro-orm/core'
import { platformScoped } from '@tenantry/kernel/tenancy/platform-table'

const own = 'purged_tenant_id = (select tenancy.current_tenant())'

/** What a purge found, and that nothing is left. Written by `lifecycle.purge_batch` alone. */
export const DeletionReport = defineEntity({
  name: 'DeletionReport',
  tableName: 'deletion_reports',
  ...platformScoped,
  policies: [
    {
      name: 'platform_reports',
      command: 'select',
      roles: ['tenantry_platform'],
      using: `(select tenancy.current_operator()) is not null or ${own}`,
    },
    { name: 'purge', roles: ['tenantry_lifecycle'], using: own, check: own },
  ],
  indexes: [{ properties: ['startedAt', 'purgedTenantId'] }],
  properties: {
    purgedTenantId: p.uuid().primary(),
    /** The key of the actor. */
    requestedBy: p.string().length(255),
    requestedAt: p.datetime(),
    deleteAfter: p.datetime(),
    startedAt: p.datetime(),
    completedAt: p.datetime().nullable(),
    /** By table; `left` once all were counted again. */
    tables: p.json<Record<string, { counted: number; deleted: number; left?: number }>>(),
  },
})
export type DeletionReport = InferEntity<typeof DeletionReport>
