import { defineEntity, type InferEntity, p } from '@mikro-orm/core'
import { tenantColumns, tenantId, tenantPolicies, tenantScoped } from '@tenantry/kernel/tenancy/tenant-table'

const metering = { name: 'metering', roles: ['tenantry_metering'], using: 'true', check: 'true' }
const policies = [...tenantPolicies(), metering]

/** As long as usage events. */
const retention = '400 days'

const running = "state = 'running'"

/** Holds a slot while it is running and its lease has not ended. Only the metering functions write it. */
export const Run = defineEntity({
  name: 'Run',
  tableName: 'runs',
  ...tenantScoped,
  policies: [
    ...policies,
    { name: 'expired', roles: ['tenantry_jobs'], using: `ended_at < (now() - '${retention}'::interval)` },
  ],
  uniques: [
    {
      name: 'runs_idempotency_key_unique',
      properties: ['tenantId', 'idempotencyKey'],
      where: 'idempotency_key is not null',
    },
  ],
  indexes: [
    { properties: ['tenantId', 'expiresAt'], where: running },
    { properties: ['expiresAt'], where: running },
    { properties: ['tenantId', 'workload', 'id'] },
  ],
  properties: {
    ...tenantColumns,
    idempotencyKey: p.string().length(255).nullable(),
    workload: p.string().length(200),
    parameters: p.json<Record<string, unknown>>().nullable(),
    /** What still says `running` after its lease has ended is lost, whether or not a job has written that down. */
    state: p.enum(['running', 'succeeded', 'failed', 'cancelled', 'not_started', 'lost']).default('running'),
    leaseSeconds: p.integer(),
    startedAt: p.datetime(),
    /** When the lease ends, or ended. */
    expiresAt: p.datetime(),
    endedAt: p.datetime().nullable(),
    /** Of the counter: where it is given back if the run was not started after all. */
    period: p.string().length(32),
    day: p.date(),
  },
})
export type Run = InferEntity<typeof Run>

/** Since the tenant began, whatever runs are still kept. */
export const RunTotals = defineEntity({
  name: 'RunTotals',
  tableName: 'run_totals',
  ...tenantScoped,
  policies,
  properties: {
    tenantId: tenantId(),
    started: p.bigint('number'),
    succeeded: p.bigint('number'),
    failed: p.bigint('number'),
    cancelled: p.bigint('number'),
    notStarted: p.bigint('number'),
    lost: p.bigint('number'),
    lastRunAt: p.datetime(),
    /** The latest time that anybody came at. What has ended by then may be held by another. */
    decidedAt: p.datetime(),
    /** Rises with every change of what is held. */
    revision: p.bigint('number'),
  },
})
export type RunTotals = InferEntity<typeof RunTotals>
