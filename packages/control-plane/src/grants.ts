import type { ExpectedGrants } from '@tenantry/kernel/tenancy/inspection'

const tenantColumns = [
  'name',
  'contact_email',
  'organization_type',
  'website_url',
  'timezone',
  'former_timezones',
  'external_id',
  'tags',
  'version',
  'updated_at',
] as const
const settingsColumns = ['document', 'version', 'updated_at'] as const
const answerColumns = ['request_hash', 'response', 'created_at'] as const

/** All that anybody but the owner may do to a table; what no policy lets through stays shut all the same. */
const tableGrants: ExpectedGrants['tables'] = {
  'tenantry.tenants': {
    tenantry_app: ['select', { update: tenantColumns }],
    tenantry_platform: ['select', 'insert', 'update'],
    tenantry_directory: ['select'],
  },
  'tenantry.users': {
    tenantry_platform: ['select', 'insert'],
    tenantry_directory: ['select', 'insert', { update: ['email', 'name'] }],
  },
  'tenantry.memberships': {
    tenantry_app: ['select'],
    tenantry_platform: ['select', 'insert'],
    tenantry_directory: ['select'],
  },
  'tenantry.tenant_settings': {
    tenantry_app: ['select', 'insert', { update: settingsColumns }],
    tenantry_platform: ['select', 'insert', { update: settingsColumns }],
  },
  'tenantry.settings_revisions': { tenantry_app: ['select', 'insert'], tenantry_platform: ['select', 'insert'] },
  'tenantry.audit_entries': { tenantry_app: ['select', 'insert'], tenantry_platform: ['select', 'insert'] },
  'tenantry.platform_audit_entries': { tenantry_platform: ['select', 'insert'] },
  'tenantry.usage_counters': {
    tenantry_app: ['select'],
    tenantry_platform: ['select'],
    tenantry_metering: ['select', 'insert', 'update'],
  },
  'tenantry.usage_daily': {
    tenantry_app: ['select'],
    tenantry_platform: ['select'],
    tenantry_metering: ['select', 'insert', 'update'],
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
  'tenantry.idempotency_records': {
    tenantry_app: ['select', 'insert', { update: answerColumns }],
    tenantry_platform: ['select', 'insert', { update: answerColumns }],
    tenantry_jobs: ['select', 'delete'],
  },
}

const schemaGrants: ExpectedGrants['schemas'] = {
  tenantry: ['tenantry_app', 'tenantry_platform', 'tenantry_jobs', 'tenantry_directory', 'tenantry_metering'],
  tenancy: ['tenantry_app', 'tenantry_platform', 'tenantry_jobs', 'tenantry_directory', 'tenantry_metering'],
  directory: ['tenantry_app', 'tenantry_platform'],
  metering: ['tenantry_app', 'tenantry_platform'],
}

const functionGrants: ExpectedGrants['functions'] = {
  'tenancy.verify_context(text, text)': [],
  'tenancy.current_tenant()': [
    'tenantry_app',
    'tenantry_platform',
    'tenantry_jobs',
    'tenantry_directory',
    'tenantry_metering',
  ],
  'tenancy.current_user_id()': ['tenantry_app', 'tenantry_directory'],
  'tenancy.current_identity()': ['tenantry_app', 'tenantry_directory'],
  'tenancy.current_operator()': ['tenantry_platform'],
  'tenancy.applied_migrations()': ['tenantry_app'],
  'tenancy.refuse_definition()': [],
  'directory.sign_in(uuid, text, text, text, text, timestamp with time zone)': ['tenantry_app'],
  'directory.find_user(text, text)': ['tenantry_app'],
  'directory.tenant_id_of(text)': [],
  'directory.memberships()': ['tenantry_app'],
  'directory.own_tenants()': ['tenantry_app'],
  'directory.find_access(text)': ['tenantry_app'],
  'directory.child_count()': ['tenantry_app', 'tenantry_platform'],
  'metering.track(uuid, text, bigint, text, timestamp with time zone, timestamp with time zone, text, date, jsonb)': [
    'tenantry_app',
    'tenantry_platform',
  ],
  'pgboss.*': [],
}

/** Verifies the signed context, in the definer functions of the owner. */
const extensionGrants: ExpectedGrants['functions'] = { 'tenancy.hmac(bytea, bytea, text)': ['tenantry_owner'] }

export const grants: ExpectedGrants = {
  tables: tableGrants,
  schemas: schemaGrants,
  functions: functionGrants,
  extensionFunctions: extensionGrants,
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
  pgboss: 'tenantry_jobs',
  public: 'pg_database_owner',
}
