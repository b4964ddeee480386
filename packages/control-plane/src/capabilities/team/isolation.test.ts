import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isolationPromises } from '../../../test/isolation.fixture.ts'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import * as contract from './contract.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const [teamId, userId] = [randomUUID(), randomUUID()]
const inputs = {
  'teams.create': { name: 'Any' },
  'teams.update': { teamId, name: 'Any' },
  'teams.remove': { teamId },
  'teams.listMembers': { teamId },
  'teams.addMember': { teamId, userId },
  'teams.removeMember': { teamId, userId },
}
for (const { promise, check } of isolationPromises(contract, inputs)) test(promise, () => check(installation))

test('a team of another tenant is none, also for who is a member of both', async () => {
  const [here, there] = [await installation.enter(), await installation.enter()]
  await installation.addMember(there.tenant.id, here.user.id, 'owner')
  const { id } = await there.caller.teams.create({ tenantId: 'current', name: 'Far' })
  await there.caller.teams.addMember({ tenantId: 'current', teamId: id, userId: here.user.id })
  const { teams } = here.caller
  const named = { tenantId: 'current', teamId: id }
  expect((await teams.list({ tenantId: 'current' })).items).toEqual([])
  for (const call of [
    () => teams.update({ ...named, name: 'Taken' }),
    () => teams.remove(named),
    () => teams.listMembers(named),
    () => teams.addMember({ ...named, userId: here.user.id }),
    () => teams.removeMember({ ...named, userId: here.user.id }),
  ]) {
    await expect(call()).rejects.toMatchObject({ code: 'team.not_found', status: 404 })
  }
  expect((await there.caller.teams.list({ tenantId: 'current' })).items).toMatchObject([
    { name: 'Far', memberCount: 1 },
  ])
})

test('who is a member of another tenant only cannot be put into a team here', async () => {
  const [here, there] = [await installation.enter(), await installation.enter()]
  const { id } = await here.caller.teams.create({ tenantId: 'current', name: 'Near' })
  const adding = here.caller.teams.addMember({ tenantId: 'current', teamId: id, userId: there.user.id })
  await expect(adding).rejects.toMatchObject({ code: 'team.no_such_member' })
})
