import { defineErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { idPageInput, page } from '@tenantry/kernel/contract/page'
import { expectedVersion, id, integer, tenantRef, text, timestamp } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'
import { limitErrors } from '../limit/contract.ts'

export const teamErrors = defineErrors('team', {
  not_found: { kind: 'not_found', message: 'There is no such team in this tenant.' },
  name_taken: { kind: 'conflict', message: 'Another team of this tenant has that name.' },
  concurrent_update: { kind: 'conflict', message: 'Somebody else changed the team. Read it again.' },
  no_such_member: { kind: 'not_found', message: 'There is no such member in this tenant.' },
  not_in_team: { kind: 'not_found', message: 'This user is not in the team.' },
})

const tags: [string] = ['Teams']
const teamName = text(1, 100).describe('No other team of the tenant has it, in any letter case')

const team = z.object({
  id: id('team'),
  name: z.string(),
  memberCount: integer(0),
  version: integer(1),
  createdAt: timestamp(),
  updatedAt: timestamp(),
})
const teamMember = z.object({ teamId: id('team'), userId: id('user'), addedAt: timestamp() })
const listedMember = teamMember.extend({
  email: z.string(),
  name: z.string().nullable(),
  role: z
    .enum(['owner', 'admin', 'member', 'viewer'])
    .describe('In the tenant; the stronger one where one is inherited'),
})

const named = { tenantId: tenantRef(), teamId: id('team') }

export const listTeams = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'members:read',
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/teams',
    summary: 'List the teams of a tenant',
    description: 'The newest first.',
    tags,
  },
  input: z.object({
    tenantId: tenantRef(),
    q: text(1, 100).optional().describe('What the name holds, in any letter case'),
    ...idPageInput,
  }),
  output: page(team),
})

export const createTeam = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'members:manage',
  audit: 'team.created',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/teams',
    summary: 'Create a team',
    description: 'The plan says how many a tenant may have.',
    tags,
    successStatus: 201,
  },
  input: z.object({ tenantId: tenantRef(), name: teamName }),
  output: team,
  errors: [teamErrors.name_taken, limitErrors.limit_exceeded],
})

export const updateTeam = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'members:manage',
  audit: 'team.updated',
  rest: {
    method: 'PATCH',
    path: '/tenants/{tenantId}/teams/{teamId}',
    summary: 'Rename a team',
    tags,
    versioned: true,
  },
  input: z.object({ ...named, name: teamName, expectedVersion: expectedVersion().optional() }),
  output: team,
  errors: [teamErrors.not_found, teamErrors.name_taken, teamErrors.concurrent_update],
})

export const removeTeam = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'members:manage',
  audit: 'team.removed',
  rest: {
    method: 'DELETE',
    path: '/tenants/{tenantId}/teams/{teamId}',
    summary: 'Delete a team',
    description: 'Its members stay members of the tenant.',
    tags,
  },
  input: z.object(named),
  output: z.object({ id: id('team'), removedAt: timestamp() }),
  errors: [teamErrors.not_found],
})

export const listTeamMembers = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'members:read',
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/teams/{teamId}/members',
    summary: 'List the members of a team',
    description: 'By the id of the user, the newest first.',
    tags,
  },
  input: z.object({ ...named, ...idPageInput }),
  output: page(listedMember),
  errors: [teamErrors.not_found],
})

export const addTeamMember = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'members:manage',
  audit: 'team.member_added',
  rest: {
    method: 'PUT',
    path: '/tenants/{tenantId}/teams/{teamId}/members/{userId}',
    summary: 'Put a member of the tenant into a team',
    description:
      'Where they are in it already, nothing changes. Who is no member of the tenant any more is in none of its teams.',
    tags,
  },
  input: z.object({ ...named, userId: id('user') }),
  output: teamMember,
  errors: [teamErrors.not_found, teamErrors.no_such_member],
})

export const removeTeamMember = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'members:manage',
  audit: 'team.member_removed',
  rest: {
    method: 'DELETE',
    path: '/tenants/{tenantId}/teams/{teamId}/members/{userId}',
    summary: 'Take a member out of a team',
    tags,
  },
  input: z.object({ ...named, userId: id('user') }),
  output: z.object({ teamId: id('team'), userId: id('user'), removedAt: timestamp() }),
  errors: [teamErrors.not_found, teamErrors.not_in_team],
})
