import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../src/testing.ts'

const current = { tenantId: 'current' } as const
let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

/** How many statements all connections sent meanwhile. */
async function statementsOf(work: () => Promise<unknown>): Promise<number> {
  await installation.dependencies.background.settled()
  const sent = vi.spyOn(pg.Client.prototype, 'query')
  await work()
  await installation.dependencies.background.settled()
  const { length } = sent.mock.calls
  sent.mockRestore()
  return length
}

/** What is asked again once a second may be asked in one of the two and not in the other. */
async function expectAsMany(work: (items: number) => Promise<() => Promise<unknown>>): Promise<void> {
  const [few, many] = [await work(2), await work(40)]
  await (await work(1))()
  const counted = [await statementsOf(few), await statementsOf(many)] as const
  expect(counted[1]).toBeLessThan(counted[0] + 15)
}

async function people(tenantId: string, count: number): Promise<string[]> {
  const ids = []
  for (let made = 0; made < count; made += 1) ids.push((await installation.createMember(tenantId, 'viewer')).id)
  return ids
}

async function assignAll(tenantId: string, roleId: string, userIds: string[]): Promise<void> {
  const client = new pg.Client(installation.testDatabase.adminUrl)
  await client.connect()
  await client.query('insert into tenantry.role_assignments select $1, unnest($2::uuid[]), $3, now()', [
    tenantId,
    userIds,
    roleId,
  ])
  await client.end()
}

let batch = 0

test('many invitations are made by as many statements as few', async () => {
  const { caller } = await installation.enter({ plan: 'enterprise' })
  const role = await caller.roles.create({ ...current, name: 'Auditor', scopes: ['audit:export'] })
  await expectAsMany(async (count) => {
    batch += 1
    const invitations = Array.from({ length: count }, (_, place) => ({
      email: `p${batch}-${place}@people.test`,
      role: 'viewer' as const,
      roleIds: [role.id],
    }))
    return () => caller.invitations.create({ ...current, invitations })
  })
})

test('many members are moved by as many statements as few', async () => {
  const { tenant, user, caller } = await installation.enter({ plan: 'enterprise' })
  const second = await installation.createTenant({ plan: 'enterprise' })
  await installation.addMember(second.id, user.id, 'owner')
  await expectAsMany(async (count) => {
    const userIds = await people(tenant.id, count)
    return () => caller.members.transfer({ ...current, toTenantId: second.id, mode: 'move', userIds })
  })
})

test('a role that many hold is changed, and gives way to another one, by as many statements as one that few hold', async () => {
  const { tenant, caller: owner } = await installation.enter({ plan: 'enterprise' })
  const admin = await installation.createMember(tenant.id, 'admin')
  const caller = installation.callerAs(admin, tenant.id)
  const holders = await people(tenant.id, 40)
  const make = (name: string) => owner.roles.create({ ...current, name, scopes: ['audit:read'] })
  const heir = await make('Heir')
  await expectAsMany(async (count) => {
    batch += 1
    const role = await make(`Role ${batch}`)
    await assignAll(tenant.id, role.id, holders.slice(0, count))
    return async () => {
      await caller.roles.update({ ...current, roleId: role.id, name: `Renamed ${role.id}` })
      await caller.roles.remove({ ...current, roleId: role.id, reassignTo: heir.id })
    }
  })
  const deleted = (await installation.auditEntries(tenant.id)).filter(({ action }) => action === 'role.deleted')
  expect(deleted.map(({ details }) => details?.holders)).toEqual([1, 2, 40])
  const held = (await owner.roles.list(current)).items.find(({ id }) => id === heir.id)
  expect(held?.memberCount).toBe(40)
})
