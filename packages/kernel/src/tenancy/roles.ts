/** The database roles. None is a superuser, none bypasses row-level security. */
export const loginRoles = ['tenantry_owner', 'tenantry_app', 'tenantry_platform', 'tenantry_jobs'] as const
export type LoginRole = (typeof loginRoles)[number]

/** Own definer functions and nothing else; nobody can log in as one. */
export const functionRoles = [
  'tenantry_directory',
  'tenantry_metering',
  'tenantry_hierarchy',
  'tenantry_lifecycle',
] as const
export type FunctionRole = (typeof functionRoles)[number]

export type RolePasswords = Record<LoginRole, string>

/** The schema of all product tables. */
export const productSchema = 'tenantry'
