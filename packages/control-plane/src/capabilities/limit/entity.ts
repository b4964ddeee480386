import { defineEntity, type InferEntity, p } from '@mikro-orm/core'
import { tenantId, tenantPolicies, tenantScoped } from '@tenantry/kernel/tenancy/tenant-table'

/** What the platform allows a tenant on a meter, in place of its plan. */
export const LimitOverride = defineEntity({
  name: 'LimitOverride',
  tableName: 'limit_overrides',
  ...tenantScoped,
  policies: [
    ...tenantPolicies(),
    { name: 'metering_read', command: 'select', roles: ['tenantry_metering'], using: 'true' },
  ],
  properties: {
    tenantId: tenantId(),
    meter: p.string().length(64).primary(),
    /** Null is unlimited. */
    value: p.bigint('number').nullable(),
    reason: p.string().length(500).nullable(),
    /** Null is for good. */
    expiresAt: p.datetime().nullable(),
    createdAt: p.datetime(),
  },
})
export type LimitOverride = InferEntity<typeof LimitOverride>
