import { defineEntity, type InferEntity, p } from '@mikro-orm/core'
import {
  subtreeRead,
  tenantColumns,
  tenantId,
  tenantPolicies,
  tenantScoped,
} from '@tenantry/kernel/tenancy/tenant-table'

const own = 'tenant_id = (select tenancy.current_tenant())'

/** Only the metering functions write usage; the application may read its tenant's. */
const metered = {
  ...tenantScoped,
  policies: [...tenantPolicies(), { name: 'metering', roles: ['tenantry_metering'], using: own, check: own }],
}

/** Summed up over a subtree too. */
const summed = { ...metered, policies: [...metered.policies, subtreeRead] }

/** What a tenant used of a meter in a period; `period` is the period's key, so that no reset job can be late. */
export const UsageCounter = defineEntity({
  name: 'UsageCounter',
  tableName: 'usage_counters',
  ...summed,
  properties: {
    tenantId: tenantId(),
    meter: p.string().length(64).primary(),
    period: p.string().length(32).primary(),
    used: p.bigint('number'),
    revision: p.bigint('number').default(1),
    updatedAt: p.datetime(),
  },
})
export type UsageCounter = InferEntity<typeof UsageCounter>

export const UsageDaily = defineEntity({
  name: 'UsageDaily',
  tableName: 'usage_daily',
  ...summed,
  properties: {
    tenantId: tenantId(),
    meter: p.string().length(64).primary(),
    day: p.date().primary(),
    used: p.bigint('number'),
    events: p.bigint('number'),
  },
})
export type UsageDaily = InferEntity<typeof UsageDaily>

export const UsageEvent = defineEntity({
  name: 'UsageEvent',
  tableName: 'usage_events',
  ...metered,
  uniques: [{ properties: ['tenantId', 'idempotencyKey'] }],
  properties: {
    ...tenantColumns,
    idempotencyKey: p.string().length(255),
    meter: p.string().length(64),
    period: p.string().length(32),
    amount: p.bigint('number'),
    occurredAt: p.datetime(),
    receivedAt: p.datetime(),
    properties: p.json<Record<string, unknown>>().nullable(),
  },
})
export type UsageEvent = InferEntity<typeof UsageEvent>
