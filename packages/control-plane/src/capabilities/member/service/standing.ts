import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { type EffectivePermissions, heldBy, refuseManaging } from '../../access/index.ts'
import { findStandings, type Standing, standingOf } from '../../role/index.ts'
import { memberErrors } from '../contract.ts'
import { listOwnerIds, type MemberRow } from '../repository.ts'

/** Everybody may give up something of their own. Throws `auth.permission_denied`. */
export async function refuseChanging(
  ctx: TenantContext,
  standing: EffectivePermissions,
  { userId }: MemberRow,
): Promise<void> {
  if (isCaller(ctx, userId)) return
  refuseManaging(standing, heldBy(await standingOf(ctx, userId)))
}

export const isCaller = ({ actor }: TenantContext, userId: string): boolean => 'id' in actor && actor.id === userId

/** Throws `member.deactivated`. */
export function refuseDeactivated({ isActive }: Pick<Standing, 'isActive'>): void {
  if (!isActive) throw memberErrors.deactivated()
}

/** Those who can sign in. */
export async function listActiveOwnerIds(ctx: TenantContext): Promise<string[]> {
  const standings = await findStandings(ctx, await listOwnerIds(ctx.em))
  return [...standings].filter(([, { isActive }]) => isActive).map(([userId]) => userId)
}

/** To be asked under the lock of a change. Throws `member.last_owner` where nobody else who can sign in owns the tenant itself. */
export async function refuseLastOwner(
  ctx: TenantContext,
  { userId, directRole }: Pick<MemberRow, 'userId' | 'directRole'>,
): Promise<void> {
  if (directRole !== 'owner') return
  const owners = await listActiveOwnerIds(ctx)
  if (owners.every((owner) => owner === userId)) throw memberErrors.last_owner()
}
