import { IdempotencyRecord } from '@tenantry/kernel/tenancy/idempotency-record'
import type { ExpectedPolicy } from '@tenantry/kernel/tenancy/inspection'
import { ApiKey } from './capabilities/api-key/entity.ts'
import { AuditEntry, PlatformAuditEntry } from './capabilities/audit/entity.ts'
import { Event } from './capabilities/event/entity.ts'
import { FeatureOverride } from './capabilities/feature/entity.ts'
import { Invitation } from './capabilities/invitation/entity.ts'
import { DeletionReport } from './capabilities/lifecycle/entity.ts'
import { LimitGrant, LimitOverride } from './capabilities/limit/entity.ts'
import { LimitRequest } from './capabilities/limit-request/entity.ts'
import { Mail } from './capabilities/mail/entity.ts'
import { Membership, PendingOwner, User } from './capabilities/member/entity.ts'
import {
  CatalogueRevision,
  MeterLimit,
  Run,
  RunTotals,
  UsageAccount,
  UsageAlert,
  UsageCounter,
  UsageDaily,
  UsageEvent,
  UsageReservation,
} from './capabilities/metering/entity.ts'
import { Onboarding } from './capabilities/onboarding/entity.ts'
import { CustomRole, RoleAssignment } from './capabilities/role/entity.ts'
import { SettingsInheritance, SettingsRevision, TenantSettings } from './capabilities/settings/entity.ts'
import { Team, TeamMember } from './capabilities/team/entity.ts'
import { ScheduledPlanChange, Tenant, TenantReference } from './capabilities/tenant/entity.ts'

/** Written by the metering functions alone, which hold the tenant's account meanwhile: the purge takes that away. */
export const meteredTables = [
  UsageAccount,
  MeterLimit,
  UsageCounter,
  UsageDaily,
  UsageEvent,
  UsageAlert,
  UsageReservation,
  Run,
  RunTotals,
] as const

/** Every entity is a tenant table, or stands here with the reason why not. */
export const tenantTables = [
  Membership,
  PendingOwner,
  CustomRole,
  RoleAssignment,
  TenantSettings,
  SettingsRevision,
  SettingsInheritance,
  AuditEntry,
  ...meteredTables,
  LimitOverride,
  LimitGrant,
  LimitRequest,
  ScheduledPlanChange,
  FeatureOverride,
  Event,
  ApiKey,
  IdempotencyRecord,
  Onboarding,
  Mail,
  Invitation,
  Team,
  TeamMember,
] as const

export const platformTables = [
  { entity: Tenant, reason: 'the root that tenant ids point at; the application sees its own row only' },
  { entity: TenantReference, reason: 'the names of all tenants, which only together can be kept apart' },
  { entity: User, reason: 'one person may belong to many tenants; read under the signed context of that person' },
  { entity: DeletionReport, reason: 'what was left of a purged tenant: nothing; of the tenant it holds the id only' },
  { entity: CatalogueRevision, reason: 'the plan catalogues there were, which are the same for all' },
  { entity: PlatformAuditEntry, reason: 'what operators did, and attempts that concern no tenant' },
] as const

export const entities = [...tenantTables, ...platformTables.map(({ entity }) => entity)]

const onlyFor = (name: string, role: string): ExpectedPolicy => ({
  name,
  type: 'permissive',
  command: 'all',
  roles: [role],
  using: 'true',
  check: 'true',
})

/** Tables that are no entities. The serving roles hold nothing on them. */
export const systemTables = [
  {
    name: 'tenancy.signing_keys',
    reason: 'the secrets of the signed context; read by the functions that verify it, written by the owner',
    policies: [onlyFor('owner_only', 'tenantry_owner')],
  },
  {
    name: 'tenancy.migrations',
    reason: 'what has run; kept by the migrator, as the owner',
    policies: [onlyFor('owner_only', 'tenantry_owner')],
  },
  {
    name: 'tenancy.declarations',
    reason:
      'what the code declares as PostgreSQL prints it; written by the owner, read through a function by operators',
    policies: [onlyFor('owner_only', 'tenantry_owner')],
  },
  {
    name: 'pgboss.*',
    reason: 'the job queue, made and upgraded by pg-boss, as the job role',
    policies: [onlyFor('job_role', 'tenantry_jobs')],
  },
] as const
