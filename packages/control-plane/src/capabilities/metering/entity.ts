import { defineEntity, type InferEntity, p } from '@mikro-orm/core'
import { productSchema } from '@tenantry/kernel/tenancy/roles'
import {
  subtreeRead,
  tenantColumns,
  tenantId,
  tenantPolicies,
  tenantScoped,
} from '@tenantry/kernel/tenancy/tenant-table'

const metering = { name: 'metering', roles: ['tenantry_metering'], using: 'true', check: 'true' }

/** Only the metering functions write usage, of many tenants at once; the application may read its tenant's. */
const metered = { ...tenantScoped, policies: [...tenantPolicies(), metering] }

/** Summed up over a subtree too. */
const summed = { ...metered, policies: [...metered.policies, subtreeRead] }

/** A tenant as the engine knows it: held by whoever writes its usage, and told of every change of what limits are made of. */
export const UsageAccount = defineEntity({
  name: 'UsageAccount',
  tableName: 'usage_accounts',
  ...metered,
  properties: {
    tenantId: tenantId(),
    changes: p.bigint('number'),
    /** The change that the limits were made after. */
    resolvedChanges: p.bigint('number'),
    catalogueRevision: p.integer(),
    nextChangeAt: p.datetime().nullable(),
  },
})
export type UsageAccount = InferEntity<typeof UsageAccount>

/** What holds on a meter, made of plan and overrides when one of them changes. */
export const MeterLimit = defineEntity({
  name: 'MeterLimit',
  tableName: 'effective_limits',
  ...metered,
  properties: {
    tenantId: tenantId(),
    meter: p.string().length(64).primary(),
    /** Null is unlimited. */
    included: p.bigint('number').nullable(),
    grace: p.bigint('number'),
    graceDays: p.integer(),
    alertPercents: p.array().columnType('int[]'),
    source: p.string().length(20),
    /** What is counted where it is made, by the catalogue; null where usage is reported. */
    countedFrom: p.string().length(20).nullable(),
    /** Rises with every change: alerts stand for one version. */
    version: p.integer(),
  },
})
export type MeterLimit = InferEntity<typeof MeterLimit>

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
    /** When it first came to stand above what is included, and in which span: grace is given once in each. */
    overSince: p.datetime().nullable(),
    overSpan: p.string().length(32).nullable(),
    /** Of what the gauge was last set to. */
    sequence: p.bigint('number').nullable(),
    /** Until when some of it may be reserved: past that, nobody has to look. */
    heldUntil: p.datetime().nullable(),
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

/** Partitioned by the month of receipt. */
export const UsageEvent = defineEntity({
  name: 'UsageEvent',
  tableName: 'usage_events',
  ...metered,
  // Not for who looks for a key: of a month that has just begun the planner knows too little to tell the indexes apart.
  indexes: [{ name: 'usage_events_meter_index', properties: ['tenantId', 'meter', 'id'], where: 'meter is not null' }],
  uniques: [
    {
      name: 'usage_events_idempotency_key_unique',
      properties: ['tenantId', 'idempotencyKey', 'receivedOn'],
      where: 'idempotency_key is not null',
    },
  ],
  properties: {
    ...tenantColumns,
    receivedOn: p.date().primary(),
    idempotencyKey: p.string().length(255).nullable(),
    meter: p.string().length(64),
    period: p.string().length(32),
    amount: p.bigint('number'),
    occurredAt: p.datetime(),
    receivedAt: p.datetime(),
    properties: p.json<Record<string, unknown>>().nullable(),
  },
})
export type UsageEvent = InferEntity<typeof UsageEvent>

/** That a share of a limit was reached: once for a period and a version of the limit. */
export const UsageAlert = defineEntity({
  name: 'UsageAlert',
  tableName: 'usage_alerts',
  ...metered,
  indexes: [{ properties: ['raisedAt'], where: 'announced_at is null' }],
  properties: {
    tenantId: tenantId(),
    meter: p.string().length(64).primary(),
    period: p.string().length(32).primary(),
    limitVersion: p.integer().primary(),
    /** 0 is the hard limit. */
    percent: p.integer().primary(),
    used: p.bigint('number'),
    included: p.bigint('number'),
    hardLimit: p.bigint('number'),
    raisedAt: p.datetime(),
    announcedAt: p.datetime().nullable(),
  },
})
export type UsageAlert = InferEntity<typeof UsageAlert>

/** What is held on a meter until it is known how much was used, or until it expires. */
export const UsageReservation = defineEntity({
  name: 'UsageReservation',
  tableName: 'usage_reservations',
  ...metered,
  policies: [
    ...metered.policies,
    { name: 'expired', roles: ['tenantry_jobs'], using: "reserved_at < (now() - '32 days'::interval)" },
  ],
  indexes: [
    {
      name: 'usage_reservations_held_index',
      properties: ['tenantId', 'meter', 'period', 'expiresAt'],
      where: "state = 'held'",
    },
    { properties: ['reservedAt'] },
  ],
  uniques: [
    {
      name: 'usage_reservations_idempotency_key_unique',
      properties: ['tenantId', 'idempotencyKey'],
      where: 'idempotency_key is not null',
    },
  ],
  properties: {
    ...tenantColumns,
    idempotencyKey: p.string().length(255).nullable(),
    meter: p.string().length(64),
    /** What is used of it counts there, whenever that is known. */
    period: p.string().length(32),
    span: p.string().length(32),
    periodEndsAt: p.datetime().nullable(),
    day: p.date(),
    amount: p.bigint('number'),
    state: p.string().length(20).$type<'held' | 'committed' | 'released'>(),
    committed: p.bigint('number').nullable(),
    reservedAt: p.datetime(),
    expiresAt: p.datetime(),
    settledAt: p.datetime().nullable(),
    properties: p.json<Record<string, unknown>>().nullable(),
  },
})
export type UsageReservation = InferEntity<typeof UsageReservation>

const running = "state = 'running'"

/** Holds a slot while it is running and its lease has not ended. Kept as long as usage events once it has. */
export const Run = defineEntity({
  name: 'Run',
  tableName: 'runs',
  ...metered,
  policies: [
    ...metered.policies,
    { name: 'expired', roles: ['tenantry_jobs'], using: "ended_at < (now() - '400 days'::interval)" },
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
  ...metered,
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

/** The plan catalogues that limits were made of. */
export const CatalogueRevision = defineEntity({
  name: 'CatalogueRevision',
  tableName: 'catalogue_revisions',
  schema: productSchema,
  rowLevelSecurity: 'force',
  policies: [
    {
      name: 'platform_read',
      command: 'select',
      roles: ['tenantry_platform'],
      using: '(select tenancy.current_operator()) is not null',
    },
    metering,
  ],
  properties: {
    revision: p.integer().primary().autoincrement(false),
    digest: p.string().length(64),
    enteredAt: p.datetime(),
  },
})
export type CatalogueRevision = InferEntity<typeof CatalogueRevision>
