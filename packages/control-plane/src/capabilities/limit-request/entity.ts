import { defineEntity, type InferEntity, p } from '@mikro-orm/core'
import { tenantColumns, tenantScoped } from '@tenantry/kernel/tenancy/tenant-table'

/** What a tenant asks for; approving it makes an override. */
export const LimitRequest = defineEntity({
  name: 'LimitRequest',
  tableName: 'limit_requests',
  ...tenantScoped,
  uniques: [{ name: 'limit_requests_open_unique', properties: ['tenantId', 'meter'], where: "state = 'open'" }],
  indexes: [{ properties: ['id'] }, { properties: ['state', 'id'] }, { properties: ['requestedById'] }],
  properties: {
    ...tenantColumns,
    meter: p.string().length(64),
    /** Null is unlimited. */
    value: p.bigint('number').nullable(),
    reason: p.string().length(500),
    state: p.enum(['open', 'approved', 'declined']).default('open'),
    /** Null of those that were made before it was kept. */
    requestedByType: p.string().length(20).nullable(),
    requestedById: p.string().length(200).nullable(),
    decisionReason: p.string().length(500).nullable(),
    createdAt: p.datetime(),
    decidedAt: p.datetime().nullable(),
  },
})
export type LimitRequest = InferEntity<typeof LimitRequest>
