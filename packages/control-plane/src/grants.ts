import type { ExpectedGrants } from '@tenantry/kernel/tenancy/inspection'
import { tenantTables } from './entities.ts'
import { everyRole, functionGrants, servingRoles } from './function-grants.ts'
import {
  answerColumns,
  apiKeyColumns,
  blankedColumns,
  deliveryColumns,
  erasable,
  inheritanceColumns,
  invitationChanges,
  invitationColumns,
  membershipColumns,
  personColumns,
  progressColumns,
  roleColumns,
  secretColumns,
  settingsColumns,
  stateColumns,
  tenantColumns,
} from './granted-columns.ts'

/** Written by the metering functions alone. */
const metered = {
  tenantry_app: ['select'],
  tenantry_platform: ['select'],
  tenantry_metering: ['select', 'insert', 'update'],
} satisfies ExpectedGrants['tables'][string]

/** All that anybody but the owner may do to a table; what no policy lets through stays shut all the same. */
const tableGrants: ExpectedGrants['tables'] = {
  'tenantry.tenants': {
    tenantry_app: ['select', { update: tenantColumns }],
    // Where it stands below others changes by the function that checks for circles and depth.
    tenantry_platform: ['select', 'insert', { update: [...blankedColumns, 'plan'] }],
    tenantry_directory: ['select'],
    tenantry_metering: [{ select: ['id', 'plan', 'timezone', 'former_timezones', 'created_at'] }],
    tenantry_hierarchy: ['select', { update: ['parent_id', 'path', 'version', 'updated_at'] }],
    tenantry_lifecycle: ['select', { update: blankedColumns }],
  },
  'tenantry.users': {
    tenantry_platform: ['select', 'insert', { update: stateColumns }],
    tenantry_directory: ['select', 'insert', { update: personColumns }],
    tenantry_lifecycle: [{ select: ['id', 'email', 'former_emails', 'email_key', 'state'] }],
  },
  'tenantry.memberships': {
    tenantry_app: ['select', 'insert', { update: membershipColumns }],
    tenantry_platform: ['select', 'insert', { update: membershipColumns }],
    tenantry_directory: ['select', 'delete'],
    tenantry_metering: [{ select: ['tenant_id', 'role'] }],
    tenantry_hierarchy: ['select'],
  },
  'tenantry.tenant_settings': {
    tenantry_app: ['select', 'insert', { update: settingsColumns }],
    tenantry_platform: ['select', 'insert', { update: settingsColumns }],
  },
  'tenantry.settings_revisions': { tenantry_app: ['select', 'insert'], tenantry_platform: ['select', 'insert'] },
  'tenantry.settings_inheritance': {
    tenantry_app: ['select', 'insert', { update: inheritanceColumns }],
    tenantry_platform: ['select', 'insert', { update: inheritanceColumns }],
    tenantry_hierarchy: ['select'],
  },
  'tenantry.audit_entries': { tenantry_app: ['select', 'insert'], tenantry_platform: ['select', 'insert'] },
  'tenantry.platform_audit_entries': {
    tenantry_platform: ['select', 'insert'],
    tenantry_directory: ['select', { update: ['actor_email', 'client_address', 'user_agent'] }],
  },
  'tenantry.deletion_reports': {
    tenantry_platform: ['select'],
    tenantry_lifecycle: ['select', 'insert', { update: ['completed_at', 'tables'] }],
  },
  'tenantry.usage_counters': {
    tenantry_app: ['select'],
    tenantry_platform: ['select'],
    tenantry_metering: ['select', 'insert', 'update'],
    tenantry_hierarchy: ['select'],
  },
  'tenantry.usage_daily': {
    tenantry_app: ['select'],
    tenantry_platform: ['select'],
    tenantry_metering: ['select', 'insert', 'update'],
    tenantry_hierarchy: ['select'],
  },
  'tenantry.usage_events': {
    tenantry_app: ['select'],
    tenantry_platform: ['select'],
    tenantry_metering: ['select', 'insert'],
  },
  'tenantry.usage_accounts': metered,
  'tenantry.effective_limits': metered,
  'tenantry.usage_alerts': metered,
  'tenantry.usage_reservations': { ...metered, tenantry_jobs: ['select', 'delete'] },
  'tenantry.runs': { ...metered, tenantry_jobs: ['select', 'delete'] },
  'tenantry.run_totals': metered,
  'tenantry.catalogue_revisions': { tenantry_platform: ['select'], tenantry_metering: ['select', 'insert'] },
  'tenantry.events': {
    tenantry_app: ['select', 'insert'],
    tenantry_platform: ['select', 'insert'],
    tenantry_jobs: ['select', 'delete'],
  },
  // Nobody who serves requests reads a digest.
  'tenantry.api_keys': {
    tenantry_app: [{ select: apiKeyColumns }, 'insert', { update: secretColumns }],
    tenantry_platform: [{ select: apiKeyColumns }, 'insert', { update: secretColumns }],
    tenantry_directory: ['select', { update: ['last_used_at'] }],
    tenantry_jobs: ['select', 'delete'],
  },
  'tenantry.custom_roles': {
    tenantry_app: ['select', 'insert', { update: roleColumns }],
    tenantry_platform: ['select', 'insert', { update: roleColumns }],
    tenantry_directory: ['select'],
    tenantry_metering: [{ select: ['tenant_id'] }],
    tenantry_hierarchy: ['select'],
  },
  'tenantry.role_assignments': {
    tenantry_app: ['select', 'insert'],
    tenantry_platform: ['select', 'insert'],
    tenantry_directory: ['select'],
  },
  'tenantry.limit_overrides': {
    tenantry_app: ['select'],
    tenantry_metering: [{ select: ['tenant_id', 'meter', 'value', 'expires_at'] }],
    tenantry_platform: ['select', 'insert', 'update', 'delete'],
  },
  'tenantry.limit_grants': {
    tenantry_app: ['select'],
    tenantry_metering: [{ select: ['tenant_id', 'meter', 'amount', 'expires_at'] }],
    tenantry_platform: ['select', 'insert', 'delete'],
  },
  'tenantry.limit_requests': {
    tenantry_app: ['select', 'insert'],
    tenantry_platform: ['select', 'insert', { update: ['state', 'decision_reason', 'decided_at'] }],
  },
  'tenantry.feature_overrides': {
    tenantry_app: ['select'],
    tenantry_directory: [{ select: ['tenant_id', 'feature', 'granted', 'expires_at'] }],
    tenantry_platform: ['select', 'insert', 'delete'],
  },
  'tenantry.scheduled_plan_changes': {
    tenantry_app: ['select'],
    tenantry_directory: [{ select: ['tenant_id', 'plan', 'effective_at'] }],
    tenantry_metering: [{ select: ['tenant_id', 'plan', 'effective_at'] }],
    tenantry_platform: ['select', 'insert', 'delete'],
  },
  'tenantry.mails': {
    tenantry_app: ['select', 'insert'],
    tenantry_platform: ['select', 'insert', { update: deliveryColumns }],
    tenantry_jobs: ['select', 'delete'],
  },
  'tenantry.onboardings': {
    tenantry_platform: ['select', 'insert', { update: progressColumns }],
    tenantry_jobs: ['select', 'delete'],
  },
  'tenantry.pending_owners': { tenantry_platform: ['select', 'insert', 'delete'], tenantry_directory: ['select'] },
  // Nobody who serves requests reads the digest of a token.
  'tenantry.invitations': {
    tenantry_app: [{ select: invitationColumns }, 'insert', { update: invitationChanges }],
    tenantry_platform: [{ select: invitationColumns }, 'insert', { update: invitationChanges }],
    tenantry_directory: ['select'],
    tenantry_jobs: ['select', 'delete'],
  },
  'tenantry.teams': {
    tenantry_app: ['select', 'insert', { update: ['name', 'version', 'updated_at'] }],
    tenantry_platform: ['select', 'insert', { update: ['name', 'version', 'updated_at'] }],
    tenantry_metering: [{ select: ['tenant_id'] }],
    tenantry_hierarchy: ['select'],
  },
  'tenantry.team_members': {
    tenantry_app: ['select', 'insert'],
    tenantry_platform: ['select', 'insert'],
  },
  'tenantry.idempotency_records': {
    tenantry_app: ['select', 'insert', { update: answerColumns }],
    tenantry_platform: ['select', 'insert', { update: answerColumns }],
    tenantry_jobs: ['select', 'delete'],
  },
}

/** What the purge holds on every tenant table, since it is one. */
const purgeGrants = Object.fromEntries(
  tenantTables.map(({ meta }) => {
    const table = `${meta.schema}.${meta.tableName}`
    const update = erasable[table]
    return [table, { tenantry_lifecycle: ['select', 'delete', ...(update ? [{ update }] : [])] }]
  }),
) satisfies ExpectedGrants['tables']

const schemaGrants: ExpectedGrants['schemas'] = {
  tenantry: everyRole,
  tenancy: everyRole,
  directory: [...servingRoles, 'tenantry_hierarchy'],
  // The owner names the function of a trigger.
  metering: [...servingRoles, 'tenantry_owner'],
  hierarchy: servingRoles,
  lifecycle: [...servingRoles, 'tenantry_owner'],
}

export const grants: ExpectedGrants = {
  tables: Object.fromEntries(
    Object.entries(tableGrants).map(([name, held]) => [name, { ...held, ...purgeGrants[name] }]),
  ),
  schemas: schemaGrants,
  functions: functionGrants,
  // Verifies the signed context, in the definer functions of the owner.
  extensionFunctions: { 'tenancy.hmac(bytea, bytea, text)': ['tenantry_owner'] },
  database: {
    tenantry_owner: ['connect', 'create'],
    tenantry_app: ['connect'],
    tenantry_platform: ['connect'],
    tenantry_jobs: ['connect'],
  },
}

/** Every schema there is, and who owns it with all that it holds. */
export const schemaOwners = {
  tenantry: 'tenantry_owner',
  tenancy: 'tenantry_owner',
  directory: 'tenantry_directory',
  metering: 'tenantry_metering',
  hierarchy: 'tenantry_hierarchy',
  lifecycle: 'tenantry_lifecycle',
  pgboss: 'tenantry_jobs',
  public: 'pg_database_owner',
}
