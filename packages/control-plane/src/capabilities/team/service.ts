import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { pageById } from '@tenantry/kernel/contract/page'
import type { z } from 'zod'
import { requireRoom } from '../metering/index.ts'
import * as contract from './contract.ts'
import {
  countTeamMembers,
  deleteTeamMember,
  findTeam,
  findTeamForUpdate,
  findTeamMember,
  insertTeam,
  insertTeamMember,
  listTeamMembers,
  listTeams,
  removeTeam,
  saveTeam,
  type Team,
} from './repository.ts'

type Input<Name extends keyof typeof contract> = (typeof contract)[Name] extends {
  input: infer Schema extends z.ZodType
}
  ? z.output<Schema>
  : never

const { teamErrors } = contract
const targetOf = ({ id }: Pick<Team, 'id'>) => ({ type: 'team', id })

export async function list(ctx: TenantContext, { q, limit, cursor }: Input<'listTeams'>) {
  const { items, nextCursor } = pageById(await listTeams(ctx.em, q, { after: cursor, limit: limit + 1 }), limit)
  const counts = await countTeamMembers(
    ctx.em,
    items.map(({ id }) => id),
  )
  return { items: items.map((team) => describe(team, counts.get(team.id))), nextCursor }
}

/** Throws `usage.limit_exceeded`, `team.name_taken`. */
export async function create(ctx: TenantContext, { name }: Input<'createTeam'>) {
  await requireRoom(ctx, 'teams')
  const team = await insertTeam(ctx.em, { name, createdAt: ctx.clock.now() })
  ctx.record('team.created', { target: targetOf(team), changes: { name: { before: null, after: name } } })
  forgetCount(ctx)
  return describe(team)
}

/** Throws `team.not_found`, `team.concurrent_update`, `team.name_taken`. */
export async function update(ctx: TenantContext, { teamId, name, expectedVersion }: Input<'updateTeam'>) {
  const team = await findTeamForUpdate(ctx.em, teamId)
  if (!team) throw teamErrors.not_found()
  const { version, name: before } = team
  if (expectedVersion !== undefined && expectedVersion !== version)
    throw teamErrors.concurrent_update({ currentVersion: version })
  if (name !== before) {
    Object.assign(team, { name, updatedAt: ctx.clock.now() })
    await saveTeam(ctx.em)
    ctx.record('team.updated', { target: targetOf(team), changes: { name: { before, after: name } } })
  }
  return describe(team, (await countTeamMembers(ctx.em, [team.id])).get(team.id))
}

/** Throws `team.not_found`. */
export async function remove(ctx: TenantContext, { teamId }: Input<'removeTeam'>) {
  const team = await findTeamForUpdate(ctx.em, teamId)
  if (!team) throw teamErrors.not_found()
  const memberCount = (await countTeamMembers(ctx.em, [teamId])).get(teamId) ?? 0
  await removeTeam(ctx.em, teamId)
  ctx.record('team.removed', {
    target: targetOf(team),
    changes: { name: { before: team.name, after: null } },
    details: { memberCount },
  })
  forgetCount(ctx)
  return { id: teamId, removedAt: ctx.clock.now() }
}

/** Throws `team.not_found`. */
export async function listMembers(ctx: TenantContext, { teamId, limit, cursor }: Input<'listTeamMembers'>) {
  await getTeam(ctx, teamId)
  const rows = await listTeamMembers(ctx.em, teamId, { after: cursor, limit: limit + 1 })
  const { items, nextCursor } = pageById(
    rows.map((row) => ({ id: row.userId, ...row })),
    limit,
  )
  return { items: items.map(({ id: _, ...member }) => ({ teamId, ...member })), nextCursor }
}

/** Throws `team.not_found`, `team.no_such_member`. */
export async function addMember(ctx: TenantContext, { teamId, userId }: Input<'addTeamMember'>) {
  const team = await getTeam(ctx, teamId)
  const added = { teamId, userId, addedAt: ctx.clock.now() }
  if (await insertTeamMember(ctx.em, { ...added, tenantId: ctx.tenant.id })) {
    ctx.record('team.member_added', { target: targetOf(team), changes: { member: { before: null, after: userId } } })
    return added
  }
  const known = await findTeamMember(ctx.em, teamId, userId)
  return { ...added, addedAt: known?.addedAt ?? added.addedAt }
}

/** Throws `team.not_found`, `team.not_in_team`. */
export async function removeMember(ctx: TenantContext, { teamId, userId }: Input<'removeTeamMember'>) {
  const team = await getTeam(ctx, teamId)
  if (!(await deleteTeamMember(ctx.em, teamId, userId))) throw teamErrors.not_in_team()
  ctx.record('team.member_removed', { target: targetOf(team), changes: { member: { before: userId, after: null } } })
  return { teamId, userId, removedAt: ctx.clock.now() }
}

async function getTeam(ctx: TenantContext, id: string): Promise<Team> {
  const team = await findTeam(ctx.em, id)
  if (!team) throw teamErrors.not_found()
  return team
}

/** The usage of a tenant tells how many teams it has. */
function forgetCount({ tenant, services, afterCommit }: TenantContext): void {
  afterCommit(() => services.cache.invalidate(tenant.id, 'usage'))
}

const describe = ({ id, name, version, createdAt, updatedAt }: Team, memberCount = 0) => ({
  id,
  name,
  memberCount,
  version,
  createdAt,
  updatedAt,
})
