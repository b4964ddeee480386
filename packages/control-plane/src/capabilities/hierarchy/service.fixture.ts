import { operator, type TestInstallation } from '../../testing.ts'
import { Tenant } from '../tenant/entity.ts'

/** Every tenant's parent and path. */
export async function placesOf({ database }: TestInstallation) {
  const tenants = await database.platformUnit({ actor: operator, readOnly: true }, (em) => em.find(Tenant, {}))
  return new Map(tenants.map(({ id, parent, path }) => [id, { parentId: parent?.id ?? null, path }]))
}

export function moveAs({ callerAs }: TestInstallation, tenantId: string, parentId: string | null) {
  return callerAs(operator).tenants.move({ tenantId, parentId, reason: 'They were bought' })
}
