import type { ExpectedGrants } from '@tenantry/kernel/tenancy/inspection'
import { tenantTables } from './entities.ts'
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

/** All that anybody but the owner may do to a table; what no policy lets through stays shut all the same. */
const tableGrants: ExpectedGrants['tables'] = {
  'tenantry.tenants': {
    tenantry_app: ['select', { update: tenantColumns }],
    // Where it stands below others changes by the function that checks for circles and depth.
    tenantry_platform: ['select', 'insert', { update: [...blankedColumns, 'plan'] }],
    tenantry_directory: ['select'],
    tenantry_hierarchy: ['select', { update: ['parent_id', 'path', 'version', 'updated_at'] }],
    tenantry_lifecycle: ['select', { update: blankedColumns }],
  },
  'tenantry.users': {
    tenantry_platform: ['select', 'insert', { update: stateColumns }],
    tenantry_directory: ['select', 'insert', { update: personColumns }],
    tenantry_lifecycle: [{ select: ['id', 'email'] }],
  },
  'tenantry.memberships': {
    tenantry_app: ['select', 'insert', { update: membershipColumns }],
    tenantry_platform: ['select', 'insert', { update: membershipColumns }],
    tenantry_directory: ['select', 'delete'],
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
    tenantry_hierarchy: ['select'],
  },
  'tenantry.role_assignments': {
    tenantry_app: ['select', 'insert'],
    tenantry_platform: ['select', 'insert'],
    tenantry_directory: ['select'],
  },
  'tenantry.limit_overrides': {
    tenantry_app: ['select'],
    tenantry_platform: ['select', 'insert', 'update', 'delete'],
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

const everyRole = [
  'tenantry_app',
  'tenantry_platform',
  'tenantry_jobs',
  'tenantry_directory',
  'tenantry_metering',
  'tenantry_hierarchy',
  'tenantry_lifecycle',
]
const servingRoles = ['tenantry_app', 'tenantry_platform']

const schemaGrants: ExpectedGrants['schemas'] = {
  tenantry: everyRole,
  tenancy: everyRole,
  directory: [...servingRoles, 'tenantry_hierarchy'],
  metering: servingRoles,
  hierarchy: servingRoles,
  lifecycle: [...servingRoles, 'tenantry_owner'],
}

const functionGrants: ExpectedGrants['functions'] = {
  'tenancy.verify_context(text, text)': [],
  'tenancy.current_tenant()': everyRole,
  'tenancy.current_user_id()': ['tenantry_app', 'tenantry_directory'],
  'tenancy.current_identity()': ['tenantry_app', 'tenantry_directory'],
  'tenancy.current_operator()': ['tenantry_platform', 'tenantry_directory', 'tenantry_lifecycle'],
  'tenancy.applied_migrations()': ['tenantry_app'],
  'tenancy.refuse_definition()': [],
  'tenancy.keep_former_digest()': [],
  'tenancy.recorded_declarations()': ['tenantry_platform'],
  'tenancy.valid_signing_keys()': ['tenantry_platform'],
  'tenancy.keep_references()': [],
  'directory.sign_in(uuid, text, text, text, text, timestamp with time zone)': ['tenantry_app'],
  'directory.find_user(text, text)': ['tenantry_app'],
  'directory.user_state(text, text)': ['tenantry_app'],
  'directory.erase_user(uuid, timestamp with time zone)': ['tenantry_platform'],
  'directory.tenant_id_of(text)': [],
  'directory.memberships()': ['tenantry_app'],
  'directory.own_tenants()': ['tenantry_app'],
  'directory.find_access(text)': ['tenantry_app'],
  'directory.claimable_ownerships()': ['tenantry_app'],
  'directory.child_count()': servingRoles,
  'directory.live_child_count()': ['tenantry_platform'],
  'directory.is_parent_going()': ['tenantry_platform'],
  'directory.list_tenants(uuid, integer, text, text, uuid, text, text)': ['tenantry_app'],
  'directory.children(uuid, integer)': servingRoles,
  'directory.subtree(integer, integer)': servingRoles,
  'directory.descendants()': servingRoles,
  'directory.list_members(uuid, integer, text, text)': servingRoles,
  'directory.find_members(uuid[])': servingRoles,
  'directory.find_holdings(uuid[])': servingRoles,
  'directory.find_acquaintances(text)': servingRoles,
  'directory.remove_member(uuid)': servingRoles,
  'directory.reaches_descendants()': ['tenantry_hierarchy'],
  'hierarchy.subtree_usage(date, date)': servingRoles,
  'hierarchy.inherited_settings()': servingRoles,
  'hierarchy.move_tenant(uuid, integer, timestamp with time zone)': ['tenantry_platform'],
  'directory.find_api_key()': ['tenantry_app'],
  'directory.touch_api_keys(jsonb)': ['tenantry_platform'],
  'directory.find_invitation()': ['tenantry_app'],
  'lifecycle.remove_team(uuid)': servingRoles,
  'lifecycle.remove_team_member(uuid, uuid)': servingRoles,
  'metering.track(uuid, text, bigint, text, timestamp with time zone, timestamp with time zone, text, date, jsonb)': [
    'tenantry_app',
    'tenantry_platform',
  ],
  'lifecycle.tenant_tables()': [],
  'lifecycle.remove_role(uuid)': servingRoles,
  'lifecycle.remove_assignments(uuid, uuid)': servingRoles,
  'lifecycle.purge_batch(integer)': ['tenantry_platform'],
  'lifecycle.erase_person(uuid)': ['tenantry_platform'],
  // Whoever puts a trigger on a table must hold its function.
  'lifecycle.refuse_purged()': ['tenantry_owner'],
  'pgboss.*': [],
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
