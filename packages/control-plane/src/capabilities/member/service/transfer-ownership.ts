import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import type { BaseRole } from '../../access/index.ts'
import { requireRoom } from '../../limit/index.ts'
import { countAdmins, findMembers, listOwnerIds, updateRole } from '../repository.ts'
import { isSeniorRole } from '../rules/senior-role.ts'
import { recordChange, tellChanges } from './changed.ts'
import { describe, findMember, findOwnMember } from './describe.ts'
import { beginChange } from './standing.ts'

/** Throws `member.not_found`, `member.inherited`, `request.invalid` for oneself, and `usage.limit_exceeded`. */
export async function transferOwnership(
  ctx: TenantContext,
  { userId, keepRole }: { userId: string; keepRole: BaseRole },
) {
  await beginChange(ctx, 'tenant:own')
  const heir = await findOwnMember(ctx, userId)
  const formerId = await formerOwner(ctx)
  if (formerId === userId)
    throw requestErrors.invalid({ issues: [{ path: 'userId', message: 'They own the tenant already.' }] })
  const makesRoom = formerId !== null && keepRole !== 'owner'
  const adding = Number(!isSeniorRole(heir.directRole)) - Number(makesRoom && !isSeniorRole(keepRole))
  if (adding > 0) await requireRoom(ctx, 'admins', { count: () => countAdmins(ctx.em), adding })

  const changes = [
    ...(heir.directRole === 'owner' ? [] : [{ userId, before: heir.directRole, after: 'owner' as const }]),
    ...(makesRoom ? [{ userId: formerId, before: 'owner' as const, after: keepRole }] : []),
  ]
  for (const change of changes) {
    await updateRole(ctx.em, change.userId, change.after)
    recordChange(ctx, 'member.ownership_transferred', { ...change, details: { from: formerId, to: userId } })
  }
  await tellChanges(ctx, changes)
  const [former] = makesRoom ? await findMembers(ctx.em, [formerId]) : []
  return { owner: describe(await findMember(ctx, userId)), formerOwner: former ? describe(former) : null }
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
