import { type EntityManager, ForeignKeyConstraintViolationException } from '@mikro-orm/postgresql'
import { type BaseRole, isSeniorRole } from '../access/index.ts'
import { memberErrors } from './contract.ts'
import { Membership, PendingOwner, User } from './entity.ts'

/** For queries of others that count members along. */
export const memberSource = { membership: Membership }

/** Direct members only. */
export async function countMembers(em: EntityManager): Promise<number> {
  return em.count(Membership)
}

/** Direct ones: owners too. */
export interface MemberRow {
  userId: string
  email: string
  name: string | null
  /** The stronger of the direct and of the inherited one. */
  role: BaseRole
  /** Null for who is a member by inheritance only. */
  directRole: BaseRole | null
  joinedAt: Date
  /** Null where the direct role is the one that counts. */
  inheritedFrom: string | null
}

const columns = /* sql */ `user_id as "userId", email, name, role, direct_role as "directRole", joined_at as "joinedAt",
  inherited_from as "inheritedFrom"`

const dated = (rows: MemberRow[]) => rows.map((row) => ({ ...row, joinedAt: new Date(row.joinedAt) }))

export interface PageOfMembers {
  /** The user id that the page begins after. */
  after: string | null
  limit: number
  role: BaseRole | null
  /** What the name or address begins with. */
  q: string | null
}

/** By user id, the newest first. */
export async function listMembers(em: EntityManager, { after, limit, role, q }: PageOfMembers): Promise<MemberRow[]> {
  const listed = `select ${columns} from directory.list_members(?, ?, ?, lower(?))`
  return dated(await em.execute<MemberRow[]>(listed, [after, limit, role, q]))
}

/** Those of the users that are members, directly or by inheritance. */
export async function findMembers(em: EntityManager, userIds: readonly string[]): Promise<MemberRow[]> {
  const found = `select ${columns} from directory.find_members(array(select jsonb_array_elements_text(?::jsonb)::uuid))`
  return dated(await em.execute<MemberRow[]>(found, [JSON.stringify(userIds)]))
}

export interface Acquaintance {
  userId: string
  /** Not deactivated. */
  isActive: boolean
  /** Of the tenant itself. */
  isMember: boolean
}

/** Whom the caller has to do with, of people by that id or address; two at the most. */
export async function findAcquaintances(
  em: EntityManager,
  { email = null, userId = null }: { email?: string | null | undefined; userId?: string | null | undefined },
): Promise<Acquaintance[]> {
  return em.execute<Acquaintance[]>(
    /* sql */ `select user_id as "userId", is_active as "isActive", is_member as "isMember"
      from directory.find_acquaintances(lower(?::text), ?::uuid)`,
    [email, userId],
  )
}

/** The same for any number of addresses, in lower case, by address. */
export async function findAcquaintancesBy(
  em: EntityManager,
  emails: readonly string[],
): Promise<Map<string, Acquaintance[]>> {
  const rows = await em.execute<(Acquaintance & { email: string })[]>(
    /* sql */ `select e.email, a.user_id as "userId", a.is_active as "isActive", a.is_member as "isMember"
      from jsonb_array_elements_text(?::jsonb) e (email) cross join lateral directory.find_acquaintances(e.email, null) a`,
    [JSON.stringify([...new Set(emails)])],
  )
  return Map.groupBy(rows, ({ email }) => email)
}

export interface Steward {
  userId: string
  /** A verified one, in small letters. */
  email: string
}

/** Direct owners and admins who are active: all, or that one. Needs a unit of work on the operators' connection. */
export async function listStewards(em: EntityManager, userId: string | null = null): Promise<Steward[]> {
  return em.execute<Steward[]>('select user_id as "userId", email from directory.list_stewards(?::uuid)', [userId])
}

/** An active user who reaches the tenant, by whatever they hold there. Needs a unit of work on the operators' connection. */
export async function findReader(em: EntityManager, userId: string): Promise<Steward | null> {
  const sql = 'select user_id as "userId", email from directory.find_reader(?::uuid)'
  const [found] = await em.execute<Steward[]>(sql, [userId])
  return found ?? null
}

export async function findMembership(em: EntityManager, userId: string): Promise<Membership | null> {
  return em.findOne(Membership, { userId })
}

/** Direct ones, also where they were deactivated. */
export async function listOwnerIds(em: EntityManager): Promise<string[]> {
  const owners = await em.find(Membership, { role: 'owner' }, { disableIdentityMap: true })
  return owners.map(({ userId }) => userId)
}

interface NewMembership {
  userId: string
  role: BaseRole
  joinedAt: Date
}

/** Throws `member.unknown_user`. */
export const insertMember = (em: EntityManager, member: NewMembership): Promise<void> => insertMembers(em, [member])

/** In one statement. Throws `member.unknown_user`. */
export async function insertMembers(em: EntityManager, members: readonly NewMembership[]): Promise<void> {
  try {
    for (const member of members)
      em.persist(em.create(Membership, { ...member, inheritable: isSeniorRole(member.role) }))
    await em.flush()
  } catch (error) {
    if (error instanceof ForeignKeyConstraintViolationException) throw memberErrors.unknown_user()
    throw error
  }
}

export async function updateRole(em: EntityManager, userId: string, role: BaseRole): Promise<void> {
  await em.nativeUpdate(Membership, { userId }, { role, inheritable: isSeniorRole(role) })
}

export interface Holding {
  userId: string
  kind: 'roles' | 'teams' | 'apiKeys'
  id: string
  name: string
}

/** What hangs on memberships of the tenant of the unit of work; the keys among it are revoked, the rest goes with them. */
export async function takeHoldings(em: EntityManager, userIds: readonly string[], now: Date): Promise<Holding[]> {
  return em.execute<Holding[]>(
    /* sql */ `with own as (select jsonb_array_elements_text(?::jsonb)::uuid as user_id),
      revoked as (
        update tenantry.api_keys set digest = null, revoked_at = ?
         where tenant_id = (select tenancy.current_tenant()) and revoked_at is null and created_by_type = 'user'
           and created_by_id in (select user_id::text from own)
        returning created_by_id::uuid as user_id, id, name)
      select user_id as "userId", 'roles' as kind, r.id, r.name
        from own join tenantry.role_assignments a using (user_id)
        join tenantry.custom_roles r on r.tenant_id = a.tenant_id and r.id = a.role_id
       where a.tenant_id = (select tenancy.current_tenant())
      union all select user_id, 'teams', t.id, t.name
        from own join tenantry.team_members m using (user_id)
        join tenantry.teams t on t.tenant_id = m.tenant_id and t.id = m.team_id
       where m.tenant_id = (select tenancy.current_tenant())
      union all select user_id, 'apiKeys', id, name from revoked`,
    [JSON.stringify(userIds), now],
  )
}

/** From the tenant of the unit of work. */
export async function deleteMemberships(em: EntityManager, userIds: readonly string[]): Promise<void> {
  await em.execute('select directory.remove_member(former::uuid) from jsonb_array_elements_text(?::jsonb) as former', [
    JSON.stringify(userIds),
  ])
}

/** Leaves an existing membership as it is. */
export async function insertMembership(em: EntityManager, member: NewMembership): Promise<void> {
  if (await em.findOne(Membership, { userId: member.userId })) return
  await insertMember(em, member)
}

/** Under an address in small letters. Needs a unit of work on the operators' connection, as does the next. */
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
