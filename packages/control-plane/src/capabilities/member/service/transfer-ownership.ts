import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import { type BaseRole, baseGrant, isSeniorRole, refuseGranting } from '../../access/index.ts'
import { requireRoom } from '../../metering/index.ts'
import { beginChange, standingOf } from '../../role/index.ts'
import { findMembers, listOwnerIds, updateRole } from '../repository.ts'
import { recordChange, tellChanges } from './changed.ts'
import { findOwnMember, getDescribed } from './describe.ts'
import { refuseDeactivated } from './standing.ts'

/** Throws `member.not_found`, `member.inherited`, `member.deactivated`, `request.invalid` for oneself, and `usage.limit_exceeded`. */
export async function transferOwnership(
  ctx: TenantContext,
  { userId, keepRole }: { userId: string; keepRole: BaseRole },
) {
  refuseGranting(await beginChange(ctx, 'tenant:own'), baseGrant('owner', ctx.services.scopes))
  const heir = await findOwnMember(ctx, userId)
  refuseDeactivated(await standingOf(ctx, userId))
  const formerId = await formerOwner(ctx)
  if (formerId === userId)
    throw requestErrors.invalid({ issues: [{ path: 'userId', message: 'They own the tenant already.' }] })
  const makesRoom = formerId !== null && keepRole !== 'owner'
  const adding = Number(!isSeniorRole(heir.directRole)) - Number(makesRoom && !isSeniorRole(keepRole))
  if (adding > 0) await requireRoom(ctx, 'admins', { adding })

  const changes = [
    ...(heir.directRole === 'owner' ? [] : [{ userId, before: heir.directRole, after: 'owner' as const }]),
    ...(makesRoom ? [{ userId: formerId, before: 'owner' as const, after: keepRole }] : []),
  ]
  for (const change of changes) {
    await updateRole(ctx.em, change.userId, change.after)
    recordChange(ctx, 'member.ownership_transferred', { ...change, details: { from: formerId, to: userId } })
  }
  await tellChanges(ctx, changes)
  return {
    owner: await getDescribed(ctx, userId),
    formerOwner: makesRoom ? await getDescribed(ctx, formerId) : null,
  }
}

/** The caller, or where they own the tenant by inheritance or as an operator, its only owner. */
async function formerOwner({ em, actor }: TenantContext): Promise<string | null> {
  if ('id' in actor) {
    const [caller] = await findMembers(em, [actor.id])
    if (caller?.directRole === 'owner') return caller.userId
  }
  const owners = await listOwnerIds(em)
  return owners.length === 1 ? (owners[0] ?? null) : null
}
