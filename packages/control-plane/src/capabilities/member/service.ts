import type { ServiceContext, UserContext } from '@tenantry/kernel/context/request-context'
import { listReachableTenants } from '../access/index.ts'
import { insertMembership, removePendingOwner } from './repository.ts'

export async function getMe(ctx: UserContext) {
  const reachable = await listReachableTenants(ctx.em)
  const { id, email, name, type } = ctx.actor
  return {
    user: { id, email, name, platformAdmin: type === 'platformAdmin' },
    memberships: reachable.map(({ tenantId, slug, name: tenantName, status, role, inheritedFrom }) => ({
      tenantId,
      slug,
      name: tenantName,
      status,
      role,
      inheritedFrom,
    })),
  }
}

/** Makes who was named as owner before they were known one, once; `email` is verified and in small letters. */
export async function claimOwnership(
  { em, record }: Pick<ServiceContext, 'em' | 'record'>,
  { userId, email, at }: { userId: string; email: string; at: Date },
): Promise<boolean> {
  if (!(await removePendingOwner(em, email))) return false
  await insertMembership(em, { userId, role: 'owner', joinedAt: at })
  record('member.joined', { target: { type: 'user', id: userId }, changes: { role: { before: null, after: 'owner' } } })
  return true
}
