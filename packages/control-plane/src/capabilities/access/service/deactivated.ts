import type { Actor } from '@tenantry/kernel/context/actor'
import type { TenantAccess } from '@tenantry/kernel/context/dependencies'
import { listHoldings } from '../repository.ts'
import type { DirectoryOptions } from './directory.ts'
import { effectivePermissions } from './effective.ts'

type Question = { userId: string; tenant: TenantAccess['tenant'] }

/** What somebody who was deactivated would hold in the tenant, for the actor who asks; null for all others. */
export async function findDeactivated(
  { database, scopes, featuresOf }: Pick<DirectoryOptions, 'database' | 'scopes' | 'featuresOf'>,
  actor: Actor,
  { userId, tenant }: Question,
): Promise<TenantAccess | null> {
  const [held] = await database.tenantUnit({ tenantId: tenant.id, actor, readOnly: true }, (em) =>
    listHoldings(em, { tenantId: tenant.id, userIds: [userId] }),
  )
  if (!held || held.isActive) return null
  const { role, inheritedFrom } = held
  return { tenant, role, inheritedFrom, ...effectivePermissions(held, scopes, featuresOf(tenant)) }
}
