import type { ServiceContext } from '@tenantry/kernel/context/request-context'
import { makeOwner, removePendingOwner } from '../repository.ts'

/** Makes who was named as owner before they were known one, once; `email` is verified and in small letters. */
export async function claimOwnership(
  { em, record }: Pick<ServiceContext, 'em' | 'record'>,
  { userId, email, at }: { userId: string; email: string; at: Date },
): Promise<boolean> {
  if (!(await removePendingOwner(em, email))) return false
  const before = await makeOwner(em, { userId, at })
  if (before === 'owner') return true
  const changes = { role: { before, after: 'owner' } }
  record(before === null ? 'member.joined' : 'member.role_changed', { target: { type: 'user', id: userId }, changes })
  return true
}
