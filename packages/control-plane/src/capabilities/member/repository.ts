import type { EntityManager } from '@mikro-orm/postgresql'
import type { BaseRole } from '../access/index.ts'
import { Membership, PendingOwner, User } from './entity.ts'

/** For queries of others that count members along. */
export const memberSource = { membership: Membership }

/** Direct members only. */
export async function countMembers(em: EntityManager): Promise<number> {
  return em.count(Membership)
}

/** Direct ones: owners too. */
export async function countAdmins(em: EntityManager): Promise<number> {
  return em.count(Membership, { role: { $in: ['owner', 'admin'] } })
}

export async function findMembership(em: EntityManager, userId: string): Promise<Membership | null> {
  return em.findOne(Membership, { userId })
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

/** Answers the role that the user had there before. Needs a unit of work that may write memberships. */
export async function makeOwner(
  em: EntityManager,
  { userId, at }: { userId: string; at: Date },
): Promise<BaseRole | null> {
  const membership = await em.findOne(Membership, { userId })
  if (!membership) {
    await insertMembership(em, { userId, role: 'owner', joinedAt: at })
    return null
  }
  const { role: before } = membership
  Object.assign(membership, { role: 'owner', inheritable: true })
  await em.flush()
  return before
}

/** Under an address in small letters. Needs a unit of work that may write memberships, as does the next. */
export async function insertPendingOwner(em: EntityManager, email: string, createdAt: Date): Promise<void> {
  await em.persist(em.create(PendingOwner, { email, createdAt })).flush()
}

/** False where there is none, or no more. */
export async function removePendingOwner(em: EntityManager, email: string): Promise<boolean> {
  return (await em.nativeDelete(PendingOwner, { email })) > 0
}

/** Needs a platform unit of work, as do the next. */
export async function findUserById(em: EntityManager, id: string): Promise<User | null> {
  return em.findOne(User, { id })
}

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
