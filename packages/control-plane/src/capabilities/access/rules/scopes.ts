import type { Scope } from '@tenantry/kernel/contract/operation'

/** Every scope there is inside a tenant. Platform operations have none: they are for platform admins. */
export const tenantScopes = [
  'tenant:read',
  'tenant:manage',
  'tenant:own',
  'members:read',
  'members:manage',
  'roles:read',
  'roles:manage',
  'keys:read',
  'keys:manage',
  'usage:read',
  'usage:write',
  'usage:adjust',
  'runs:write',
  'settings:read',
  'settings:read_sensitive',
  'settings:write',
  'integrations:view',
  'integrations:manage',
  'finance:view',
  'finance:manage',
  'audit:read',
  'audit:export',
  'notifications:read',
  'notifications:manage',
  'webhooks:manage',
  'data:export',
  'data:import',
  'health:read',
  'analytics:read',
] as const satisfies readonly Scope[]

export type TenantScope = (typeof tenantScopes)[number]
export type BaseRole = 'owner' | 'admin' | 'member' | 'viewer'

/** From the highest to the lowest. */
export const baseRoles = ['owner', 'admin', 'member', 'viewer'] as const satisfies readonly BaseRole[]

const viewer: TenantScope[] = [
  'tenant:read',
  'members:read',
  'roles:read',
  'usage:read',
  'settings:read',
  'notifications:read',
  'health:read',
]

/** The scopes of each base role; every one contains those below it. */
export const roleScopes: Record<BaseRole, ReadonlySet<string>> = {
  viewer: new Set(viewer),
  member: new Set<TenantScope>([...viewer, 'usage:write', 'runs:write', 'analytics:read']),
  admin: new Set<TenantScope>(tenantScopes.filter((scope) => scope !== 'tenant:own')),
  owner: new Set<TenantScope>(tenantScopes),
}

export const everyTenantScope: ReadonlySet<string> = roleScopes.owner

export const isBaseRole = (role: string | null): role is BaseRole => baseRoles.some((known) => known === role)

/** Whether it is one of ours; products name others. */
export const isTenantScope = (scope: string): scope is TenantScope => tenantScopes.some((known) => known === scope)
