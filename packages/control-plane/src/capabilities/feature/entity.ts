import { defineEntity, type InferEntity, p } from '@mikro-orm/core'
import { tenantId, tenantPolicies, tenantScoped } from '@tenantry/kernel/tenancy/tenant-table'

/** A feature that the platform grants to one tenant or withdraws from it, whatever its plan has. */
export const FeatureOverride = defineEntity({
  name: 'FeatureOverride',
  tableName: 'feature_overrides',
  ...tenantScoped,
  policies: [
    ...tenantPolicies(),
    { name: 'directory_read', command: 'select', roles: ['tenantry_directory'], using: 'true' },
  ],
  properties: {
    tenantId: tenantId(),
    feature: p.string().length(64).primary(),
    granted: p.boolean(),
    reason: p.string().length(500),
    /** Null is for good. */
    expiresAt: p.datetime().nullable(),
    createdAt: p.datetime(),
  },
})
export type FeatureOverride = InferEntity<typeof FeatureOverride>
