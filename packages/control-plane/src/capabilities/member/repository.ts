import type { EntityManager } from '@mikro-orm/postgresql'
import type { BaseRole } from '../access/index.ts'
import { Membership, User } from './entity.ts'

/** For queries of others that count members along. */
export const memberSource = { membership: Membership }

/** Direct members only. */
export async function countMembers(em: EntityManager): Promise<number> {
  return em.count(Membership)
}

/** Leaves an existing membership as it is. Needs a unit of work that may write memberships. */
export async function insertMembership(
  em: EntityManager,
  member: { userId: string; role: BaseRole; joinedAt: Date },
): Promise<void> {
  const { role, userId } = member
  if (await em.findOne(Membership, { userId })) return
  em.persist(em.create(Membership, { ...member, inheritable: role === 'owner' || role === 'admin' }))
  await em.flush()
}

/** Needs a platform unit of work, as does the next. */
export async function findUserByIdentity(
  em: EntityManager,
  identity: { issuer: string; subject: string },
): Promise<User | null> {
  return em.findOne(User, identity)
}

export async function insertUser(
  em: EntityManager,
  user: Pick<User, 'issuer' | 'subject' | 'email' | 'name' | 'createdAt'>,
): Promise<string> {
  const made = em.create(User, user)
  await em.persist(made).flush()
  return made.id
}
