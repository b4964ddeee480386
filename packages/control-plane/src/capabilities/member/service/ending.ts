import type { Change } from '@tenantry/kernel/context/audit-record'
import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { deleteMemberships, takeHoldings } from '../repository.ts'

export interface Ended {
  /** Roles, teams and keys, as the log has them. */
  taken: Record<string, Change>
  revokedKeyCount: number
}

/**
 * Takes from former members what they held in the tenant besides their base role. Whoever comes back finds none of their
 * keys alive: those who hold them may be others by now.
 */
export async function endMemberships(
  ctx: TenantContext,
  userIds: readonly string[],
): Promise<(userId: string) => Ended> {
  const held = Map.groupBy(await takeHoldings(ctx.em, userIds, ctx.clock.now()), ({ userId }) => userId)
  await deleteMemberships(ctx.em, userIds)
  for (const { kind, id } of [...held.values()].flat())
    if (kind === 'apiKeys') ctx.afterCommit(() => ctx.services.forgetApiKey(id))
  return (userId) => {
    const own = held.get(userId) ?? []
    const taken = Object.fromEntries(own.map(({ kind, id, name }) => [`${kind}.${id}`, { before: name, after: null }]))
    return { taken, revokedKeyCount: own.filter(({ kind }) => kind === 'apiKeys').length }
  }
}
