import { defineEntity, type InferEntity, p } from '@mikro-orm/core'
import {
  meteringRead,
  subtreeRead,
  tenantColumns,
  tenantId,
  tenantPolicies,
  tenantScoped,
} from '@tenantry/kernel/tenancy/tenant-table'

const hereAndAbove = `tenant_id = any ((select own.path || own.id from tenantry.tenants own
        where own.id = (select tenancy.current_tenant()))::uuid[])`
const ownAssignment = 'user_id = (select tenancy.current_user_id())'

/** A set of scopes that a tenant made, held besides the base role. */
export const CustomRole = defineEntity({
  name: 'CustomRole',
  tableName: 'custom_roles',
  ...tenantScoped,
  policies: [
    ...tenantPolicies(),
    {
      name: 'own_roles',
      command: 'select',
      roles: ['tenantry_directory'],
      using: `id in (select a.role_id from tenantry.role_assignments a
        where a.${ownAssignment})`,
    },
    { name: 'roles_here_and_above', command: 'select', roles: ['tenantry_directory'], using: hereAndAbove },
    meteringRead,
    subtreeRead,
  ],
  uniques: [{ properties: ['tenantId', 'nameKey'] }],
  checks: [{ name: 'custom_roles_ownership_check', expression: `'tenant:own' <> all (scopes)` }],
  properties: {
    ...tenantColumns,
    name: p.string().length(100),
    description: p.string().length(500).nullable(),
    /** Whose scopes it holds too. */
    baseRole: p.enum(['admin', 'member', 'viewer']).nullable(),
    scopes: p.array(),
    /** Whether its holders hold it in the tenants below too. */
    inheritable: p.boolean().default(false),
    version: p.integer().default(1),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
    nameKey: p.text().columnType('text').collation('C').generated('(lower(name::text)) stored').nullable().lazy(),
  },
})
export type CustomRole = InferEntity<typeof CustomRole>

export const RoleAssignment = defineEntity({
  name: 'RoleAssignment',
  tableName: 'role_assignments',
  ...tenantScoped,
  policies: [
    ...tenantPolicies(),
    { name: 'own_assignment', command: 'select', roles: ['tenantry_directory'], using: ownAssignment },
    { name: 'assignments_here_and_above', command: 'select', roles: ['tenantry_directory'], using: hereAndAbove },
  ],
  indexes: [{ properties: ['tenantId', 'roleId'] }],
  properties: {
    tenantId: tenantId(),
    /** Of a member of the tenant itself. */
    userId: p.uuid().primary().index(),
    roleId: p.uuid().primary(),
    assignedAt: p.datetime(),
  },
})
export type RoleAssignment = InferEntity<typeof RoleAssignment>
