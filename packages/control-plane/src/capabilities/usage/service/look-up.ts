import type { Dependencies, TenantAccess } from '@tenantry/kernel/context/dependencies'
import type { ReadTenant } from '@tenantry/kernel/context/request-context'
import { getUsage } from '../contract.ts'
import { getStanding } from './read.ts'

/** Where one meter of a tenant stands, for whoever is no operation; from the kept answer of `usage` where that is young. */
export function lookUpStanding(
  { services, database, clock }: Pick<Dependencies, 'services' | 'database' | 'clock'>,
  tenant: TenantAccess['tenant'],
  { meter, maxAgeSeconds }: { meter: string; maxAgeSeconds: number },
) {
  const read: ReadTenant = (query, values) => database.tenantRead({ tenantId: tenant.id }, query, values)
  const cached = <Value>(load: (read: ReadTenant) => Promise<Value>) =>
    services.cache.getOrLoad(tenant.id, getUsage.cached?.name ?? '', maxAgeSeconds, () => load(read))
  return getStanding({ services, tenant, clock, cached }, meter)
}
