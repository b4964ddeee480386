import type { TestApi } from './api-server.ts'
import { type Case, inPath, ofTenant } from './operation-case.ts'
import type { World } from './operation-world.ts'

type Before = NonNullable<Case['before']>

/** Each tenant may have it: an id alone names nothing. */
const teamId = '019cf6a1-4e00-7000-8000-0000000000e0'
const theTeam = (world: World) => ({ ...inPath(world), teamId })
const withUser = (world: World) => ({ ...theTeam(world), userId: world.user.id })
const nobody = ofTenant({ teamId, userId: '019cf6a1-4e00-7000-8000-0000000000e1' })

/** Past the doors, which a suspended tenant has shut. */
const withTeams =
  (...names: string[]): Before =>
  async ({ installation }: TestApi, { tenant }: World) => {
    const unit = { tenantId: tenant.id, actor: { type: 'system', name: 'preparation' }, readOnly: false } as const
    const at = installation.dependencies.clock.now()
    await installation.database.tenantUnit(unit, async (em) => {
      for (const [place, name] of names.entries()) {
        const id = place === 0 ? teamId : `019cf6a1-4e00-7000-8000-0000000001${String(place).padStart(2, '0')}`
        const values = [tenant.id, id, name, at, at]
        await em.execute(
          'insert into tenantry.teams (tenant_id, id, name, created_at, updated_at) values (?, ?, ?, ?, ?)',
          values,
        )
      }
    })
  }
/** A stranger is in no team. */
const withMember: Before = async (api, world) => {
  await withTeams('Design')(api, world)
  const unit = { tenantId: world.tenant.id, actor: { type: 'system', name: 'preparation' }, readOnly: false } as const
  const values = [teamId, api.installation.dependencies.clock.now(), world.user.id]
  await api.installation.database.tenantUnit(unit, (em) =>
    em.execute(
      `insert into tenantry.team_members (tenant_id, team_id, user_id, added_at)
        select tenant_id, ?, user_id, ? from tenantry.memberships where user_id = ?`,
      values,
    ),
  )
}
const full = withTeams(...Array.from({ length: 10 }, (_, place) => `Team ${place}`))

export const teamCases: Record<string, Case[]> = {
  'teams.list': [
    { expects: 'ok', as: 'viewer', input: ofTenant({ q: 'DES', limit: 10 }), before: withMember },
    { expects: 'request.invalid', as: 'viewer', input: ofTenant({ cursor: 'the second page' }) },
  ],
  'teams.create': [
    { expects: 'ok', as: 'admin', input: ofTenant({ name: 'Design' }) },
    { expects: 'auth.permission_denied', as: 'member', input: ofTenant({ name: 'Design' }) },
    { expects: 'request.invalid', as: 'admin', input: ofTenant({ name: ' ' }) },
    { expects: 'team.name_taken', as: 'admin', input: ofTenant({ name: 'DESIGN' }), before: withTeams('Design') },
    { expects: 'usage.limit_exceeded', as: 'admin', input: ofTenant({ name: 'One more' }), before: full },
  ],
  'teams.update': [
    {
      expects: 'ok',
      as: 'admin',
      input: ofTenant({ teamId, name: 'Research', expectedVersion: 1 }),
      before: withTeams('Design'),
    },
    { expects: 'auth.permission_denied', as: 'member', input: ofTenant({ teamId, name: 'Research' }) },
    { expects: 'team.not_found', as: 'admin', input: ofTenant({ teamId, name: 'Research' }) },
    {
      expects: 'team.name_taken',
      as: 'admin',
      input: ofTenant({ teamId, name: 'sales' }),
      before: withTeams('Design', 'Sales'),
    },
    {
      expects: 'team.concurrent_update',
      as: 'admin',
      input: ofTenant({ teamId, name: 'Research', expectedVersion: 7 }),
      before: withTeams('Design'),
    },
  ],
  'teams.remove': [
    { expects: 'ok', as: 'admin', input: theTeam, before: withMember },
    { expects: 'auth.permission_denied', as: 'member', input: theTeam },
    { expects: 'team.not_found', as: 'admin', input: theTeam },
  ],
  'teams.listMembers': [
    { expects: 'ok', as: 'viewer', input: theTeam, before: withMember },
    { expects: 'team.not_found', as: 'viewer', input: theTeam },
  ],
  'teams.addMember': [
    { expects: 'ok', as: 'admin', input: withUser, before: withTeams('Design') },
    { expects: 'auth.permission_denied', as: 'member', input: withUser },
    { expects: 'team.not_found', as: 'admin', input: withUser },
    { expects: 'team.no_such_member', as: 'admin', input: nobody, before: withTeams('Design') },
  ],
  'teams.removeMember': [
    { expects: 'ok', as: 'admin', input: withUser, before: withMember },
    { expects: 'auth.permission_denied', as: 'member', input: withUser },
    { expects: 'team.not_found', as: 'admin', input: withUser },
    { expects: 'team.not_in_team', as: 'admin', input: withUser, before: withTeams('Design') },
  ],
}
