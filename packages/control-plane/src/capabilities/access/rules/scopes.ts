import type { Scope } from '@tenantry/kernel/contract/operation'

/** What each scope of Tenantry's own lets its holder do. Platform operations have none: they are for platform admins. */
export const scopeDescriptions = {
  'tenant:read': 'See the tenant: its name, state, plan, limits and place in the hierarchy.',
  'tenant:manage': 'Change what the tenant is called and how it is reached; create tenants below it.',
  'tenant:own': 'Delete the tenant, hand over its ownership, change its plan. Only owners hold it.',
  'members:read': 'See who belongs to the tenant, and its teams.',
  'members:manage': 'Invite, change and remove members and teams; ask about the access of others.',
  'roles:read': 'See the roles there are and what they hold.',
  'roles:manage': 'Make, change and delete custom roles, and give them to members.',
  'keys:read': 'See the API keys, without their secrets.',
  'keys:manage': 'Make, rotate and revoke API keys.',
  'usage:read': 'See what is used, and what of it is left.',
  'usage:write': 'Report and consume usage.',
  'usage:adjust': 'Void usage that was reported, and set gauges.',
  'runs:write': 'Start and complete runs.',
  'settings:read': 'See the settings, without those that are sensitive.',
  'settings:read_sensitive': 'See sensitive settings too.',
  'settings:write': 'Change the settings.',
  'integrations:view': 'See which integrations are set up.',
  'integrations:manage': 'Set up integrations, with their credentials.',
  'finance:view': 'See the subscription, costs and invoices.',
  'finance:manage': 'Change how the tenant pays.',
  'audit:read': 'Search the audit log.',
  'audit:export': 'Export the audit log.',
  'notifications:read': 'See notifications.',
  'notifications:manage': 'Send notifications, and decide who gets which.',
  'webhooks:manage': 'Set up webhooks.',
  'data:export': 'Export the data of the tenant.',
  'data:import': 'Import data into the tenant.',
  'health:read': 'See how healthy the tenant is.',
  'analytics:read': 'See analytics.',
} as const satisfies Record<Scope, string>

export type TenantScope = keyof typeof scopeDescriptions
export type BaseRole = 'owner' | 'admin' | 'member' | 'viewer'

/** Every scope of Tenantry's own inside a tenant; products declare more. */
export const tenantScopes = Object.keys(scopeDescriptions) as TenantScope[]

/** From the highest to the lowest. */
export const baseRoles = ['owner', 'admin', 'member', 'viewer'] as const satisfies readonly BaseRole[]

/** Counts as an admin of the tenant, and is inherited by the tenants below. */
export const isSeniorRole = (role: BaseRole): boolean => role === 'owner' || role === 'admin'

/** What counts only in plans that have a feature. */
const scopeFeatures: Partial<Record<TenantScope, string>> = {
  'keys:read': 'api_access',
  'keys:manage': 'api_access',
  'analytics:read': 'analytics',
}

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

/** The one that custom roles never hold. */
export const ownership = 'tenant:own' satisfies TenantScope

export const isBaseRole = (role: string | null): role is BaseRole => baseRoles.some((known) => known === role)

/** Whether it is one of ours; products name others. */
export const isTenantScope = (scope: string): scope is TenantScope => Object.hasOwn(scopeDescriptions, scope)

/** A scope that a product declares in the plan catalogue. */
export interface DeclaredScope {
  readonly name: string
  readonly description: string
  /** It counts only in plans that have this; null in all of them. */
  readonly feature: string | null
  /** The lowest base role that holds it. */
  readonly heldFrom: BaseRole
}

/** The scopes of an installation: Tenantry's own, then those of its products. */
export interface ScopeCatalogue {
  readonly all: readonly (Omit<DeclaredScope, 'heldFrom'> & { readonly roles: readonly BaseRole[] })[]
  readonly every: ReadonlySet<string>
  readonly ofRole: Readonly<Record<BaseRole, ReadonlySet<string>>>
  /** The feature that a scope counts with only; null where it counts in every plan. */
  featureOf(scope: string): string | null
}

export function createScopes(declared: readonly DeclaredScope[]): ScopeCatalogue {
  const holders = (name: string) => baseRoles.filter((role) => roleScopes[role].has(name))
  const own = tenantScopes.map((name) => ({
    name,
    description: scopeDescriptions[name],
    feature: scopeFeatures[name] ?? null,
    roles: holders(name),
  }))
  const ofProducts = declared.map(({ heldFrom, ...scope }) => ({
    ...scope,
    roles: baseRoles.slice(0, baseRoles.indexOf(heldFrom) + 1),
  }))
  const all = [...own, ...ofProducts]
  const features = new Map(all.map(({ name, feature }) => [name, feature]))
  const heldBy = (role: BaseRole) =>
    new Set<string>(all.filter(({ roles }) => roles.some((holder) => holder === role)).map(({ name }) => name))
  return {
    all,
    every: new Set(all.map(({ name }) => name)),
    ofRole: { owner: heldBy('owner'), admin: heldBy('admin'), member: heldBy('member'), viewer: heldBy('viewer') },
    featureOf: (scope) => features.get(scope) ?? null,
  }
}
