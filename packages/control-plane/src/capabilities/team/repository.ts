import {
  type EntityManager,
  ForeignKeyConstraintViolationException,
  LockMode,
  UniqueConstraintViolationException,
} from '@mikro-orm/postgresql'
import type { BaseRole } from '../access/index.ts'
import { teamErrors } from './contract.ts'
import { Team, TeamMember } from './entity.ts'

export type { Team } from './entity.ts'

/** For queries of others that count teams along. */
export const teamSource = { team: Team }

export interface Page {
  /** The id that the page begins after. */
  after: string | undefined
  limit: number
}

const beyond = (after: string | undefined) => (after === undefined ? {} : { id: { $lt: after } })

/** The newest first. */
export async function listTeams(em: EntityManager, q: string | undefined, { after, limit }: Page): Promise<Team[]> {
  const holding = q === undefined ? {} : { nameKey: { $like: `%${q.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')}%` } }
  return em.find(Team, { ...holding, ...beyond(after) }, { orderBy: { id: 'desc' }, limit })
}

export const findTeam = (em: EntityManager, id: string): Promise<Team | null> => em.findOne(Team, { id })

/** Locked until the transaction ends. */
export const findTeamForUpdate = (em: EntityManager, id: string): Promise<Team | null> =>
  em.findOne(Team, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE })

/** Throws `team.name_taken`. */
export async function insertTeam(em: EntityManager, team: Pick<Team, 'name' | 'createdAt'>): Promise<Team> {
  const made = em.create(Team, { ...team, updatedAt: team.createdAt })
  em.persist(made)
  await saveTeam(em)
  return made
}

/** Throws `team.name_taken`: two may choose the same name at once. */
export async function saveTeam(em: EntityManager): Promise<void> {
  try {
    await em.flush()
  } catch (error) {
    throw error instanceof UniqueConstraintViolationException ? teamErrors.name_taken() : error
  }
}

/** With its members' places in it. */
export async function removeTeam(em: EntityManager, id: string): Promise<void> {
  await em.execute('select lifecycle.remove_team(?)', [id])
}

/** By team; one without members is left out. */
export async function countTeamMembers(em: EntityManager, teamIds: readonly string[]): Promise<Map<string, number>> {
  const rows = await em.execute<{ teamId: string; count: string }[]>(
    /* sql */ `select team_id as "teamId", count(*) from tenantry.team_members
      where tenant_id = (select tenancy.current_tenant()) and team_id = any (array(select jsonb_array_elements_text(?::jsonb)::uuid))
      group by team_id`,
    [JSON.stringify(teamIds)],
  )
  return new Map(rows.map(({ teamId, count }) => [teamId, Number(count)]))
}

export interface ListedMember {
  userId: string
  email: string
  name: string | null
  role: BaseRole
  addedAt: Date
}

/** By user id, the newest first, with what is known of them as members of the tenant. */
export async function listTeamMembers(
  em: EntityManager,
  teamId: string,
  { after = null, limit }: { after?: string | null | undefined; limit: number },
): Promise<ListedMember[]> {
  const rows = await em.execute<ListedMember[]>(
    /* sql */ `with page as materialized (
        select m.user_id, m.added_at from tenantry.team_members m
         where m.tenant_id = (select tenancy.current_tenant()) and m.team_id = ?
           and (?::uuid is null or m.user_id < ?::uuid)
         order by m.user_id desc limit ?)
      select page.user_id as "userId", known.email, known.name, known.role, page.added_at as "addedAt"
        from page join directory.find_members(array(select user_id from page)) known on known.user_id = page.user_id
       order by page.user_id desc`,
    [teamId, after, after, limit],
  )
  return rows.map((row) => ({ ...row, addedAt: new Date(row.addedAt) }))
}

export async function findTeamMember(em: EntityManager, teamId: string, userId: string): Promise<TeamMember | null> {
  return em.findOne(TeamMember, { teamId, userId })
}

/** False where they are in it already. Throws `team.no_such_member`, `team.not_found`: either may end meanwhile. */
export async function insertTeamMember(
  em: EntityManager,
  { tenantId, teamId, userId, addedAt }: TeamMember,
): Promise<boolean> {
  try {
    const inserted = await em.execute<object[]>(
      /* sql */ `insert into tenantry.team_members (tenant_id, team_id, user_id, added_at) values (?, ?, ?, ?)
        on conflict (tenant_id, team_id, user_id) do nothing returning user_id`,
      [tenantId, teamId, userId, addedAt],
    )
    return inserted.length > 0
  } catch (error) {
    if (!(error instanceof ForeignKeyConstraintViolationException)) throw error
    throw error.message.includes('team_members_team_fk') ? teamErrors.not_found() : teamErrors.no_such_member()
  }
}

/** False where they are not in it. */
export async function deleteTeamMember(em: EntityManager, teamId: string, userId: string): Promise<boolean> {
  const removal = 'select lifecycle.remove_team_member(?, ?) as removed'
  const [row] = await em.execute<{ removed: boolean }[]>(removal, [teamId, userId])
  return row?.removed ?? false
}
