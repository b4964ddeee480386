import type { TenantContext } from '@tenantry/kernel/context/request-context'
import type { CustomRole } from '../entity.ts'

/** What may be said of a role when it is made or changed. */
export const composed = ['name', 'description', 'baseRole', 'scopes', 'inheritable'] as const

export function describe(role: CustomRole) {
  const { id, name, description, baseRole, scopes, inheritable, version, createdAt, updatedAt } = role
  return {
    id,
    name,
    description: description ?? null,
    baseRole: baseRole ?? null,
    scopes,
    inheritable,
    version,
    createdAt,
    updatedAt,
  }
}

/** For whatever changes what members may do: at once here, within a second in the other processes and tenants below. */
export function forgetAccess({ tenant, services, afterCommit }: TenantContext): void {
  afterCommit(() => services.forgetAccess(tenant.id))
}

/** How many roles there are shows in the usage. */
export function forgetCount({ tenant, services, afterCommit }: TenantContext): void {
  afterCommit(() => services.cache.invalidate(tenant.id, 'usage'))
}
