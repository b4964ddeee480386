import { defineEntity, type InferEntity, p } from '@mikro-orm/core'
import {
  meteringRead,
  tenantColumns,
  tenantId,
  tenantPolicies,
  tenantScoped,
} from '@tenantry/kernel/tenancy/tenant-table'

/** Limits are made of it. */
const limiting = {
  ...tenantScoped,
  policies: [...tenantPolicies(), meteringRead],
}

/** What the platform allows a tenant on a meter, in place of its plan. */
export const LimitOverride = defineEntity({
  name: 'LimitOverride',
  tableName: 'limit_overrides',
  ...limiting,
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

/** What the platform adds for a while to what the plan or an override allows. */
export const LimitGrant = defineEntity({
  name: 'LimitGrant',
  tableName: 'limit_grants',
  ...limiting,
  properties: {
    ...tenantColumns,
    meter: p.string().length(64),
    amount: p.bigint('number'),
    reason: p.string().length(500),
    /** Null is for good. */
    expiresAt: p.datetime().nullable(),
    createdAt: p.datetime(),
  },
})
export type LimitGrant = InferEntity<typeof LimitGrant>
