import { p } from '@mikro-orm/core'
import { newId } from './id.ts'
import { productSchema } from './roles.ts'

const ownTenant = 'tenant_id = (select tenancy.current_tenant())'
const anyForOperator = '(select tenancy.current_operator()) is not null'

/** The policies of every tenant table; `column` is where the tenant's id stands. */
export const tenantPolicies = (column = 'tenant_id') => {
  const own = ownTenant.replace('tenant_id', column)
  return [
    { name: 'tenant_isolation', roles: ['tenantry_app'], using: own, check: own },
    { name: 'platform_tenant', roles: ['tenantry_platform'], using: own, check: own },
    { name: 'platform_read', command: 'select' as const, roles: ['tenantry_platform'], using: anyForOperator },
    { name: 'tenant_purge', roles: ['tenantry_lifecycle'], using: own, check: own },
  ]
}

/** For tables that are summed up over a tenant and all below it, by functions under that tenant's signed context. */
export const subtreeRead = {
  name: 'hierarchy_read',
  command: 'select' as const,
  roles: ['tenantry_hierarchy'],
  using: `tenant_id in (select t.id from tenantry.tenants t
    where t.id = (select tenancy.current_tenant()) or t.path @> array[(select tenancy.current_tenant())])`,
}

/** For what limits are made of, and what meters count of our own rows, which the metering functions read. */
export const meteringRead = {
  name: 'metering_read',
  command: 'select' as const,
  roles: ['tenantry_metering'],
  using: 'true',
}

/** Level one: the ORM adds the tenant to every query of a tenant entity, and throws where no tenant is bound. */
export const tenantFilter = (property: 'tenantId' | 'id' = 'tenantId') => ({
  tenant: {
    name: 'tenant',
    cond: (args: { tenantId: string | null }) => (args.tenantId === null ? {} : { [property]: args.tenantId }),
    default: true,
  },
})

/** Spread into `defineEntity`: makes a table a tenant table. */
export const tenantScoped = {
  schema: productSchema,
  rowLevelSecurity: 'force' as const,
  policies: tenantPolicies(),
  filters: tenantFilter(),
}

/** Stamped from the bound tenant, so that a capability never writes one. */
export const tenantId = () =>
  p
    .uuid()
    .primary()
    .onCreate((_, em) => boundTenant(em.getFilterParams('tenant')))

/** The composite key `(tenant_id, id)` of a tenant table. */
export const tenantColumns = {
  tenantId: tenantId(),
  id: p
    .uuid()
    .primary()
    .onCreate(() => newId()),
}

function boundTenant(params: unknown): string {
  const bound = (params as { tenantId?: string | null } | undefined)?.tenantId
  if (!bound) throw new Error('A tenant entity was created outside of a tenant unit of work')
  return bound
}
